"""Pascal VOC 2012 with the photographs of SBD: sections and refusals."""

import json

import numpy as np
import pytest
from PIL import Image

from mammoseg.data.datalist import load_section, read_datalist
from mammoseg.data.ingest import ingest
from mammoseg.errors import NothingUsableError, WrongCallError
from tests.tiny_voc import write_tiny_voc


def ids(datalist, section):
    return {record["image_id"] for record in datalist[section]}


def test_val_is_the_test_section_and_validation_comes_out_of_train(tmp_path):
    ingest("voc", str(write_tiny_voc(tmp_path, train=20, val=5)), output=str(tmp_path / "out"))
    datalist = read_datalist(tmp_path / "out" / "datalist.json")
    assert ids(datalist, "test") == {f"2012_val_{number}" for number in range(5)}
    assert ids(datalist, "training") | ids(datalist, "validation") == {f"2012_train_{number}" for number in range(20)}
    assert len(ids(datalist, "validation")) == 4  # 15 / 85 of 20, rounded


def test_a_record_names_photograph_and_class_map_where_they_lie_and_is_its_own_group(tmp_path):
    devkit = write_tiny_voc(tmp_path)
    ingest("voc", str(devkit), output=str(tmp_path / "out"))
    record = next(r for r in load_section(tmp_path / "out" / "datalist.json", "test") if r["image_id"] == "2012_val_0")
    assert record["image"] == str(devkit / "VOC2012" / "JPEGImages" / "2012_val_0.jpg")
    assert record["label"] == str(devkit / "VOC2012" / "SegmentationClass" / "2012_val_0.png")
    assert record["patient_id"] == "2012_val_0" and record["has_mass"]


def test_the_unlabelled_official_test_set_is_not_read(tmp_path):
    devkit = write_tiny_voc(tmp_path)
    (devkit / "VOC2012" / "ImageSets" / "Segmentation" / "test.txt").write_text("2012_hidden\n")
    ingest("voc", str(devkit), output=str(tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "ingest_report.json").read_text())["skipped"] == {}


def damage(year, what):
    image, label = year / "JPEGImages" / "2012_train_0.jpg", year / "SegmentationClass" / "2012_train_0.png"
    classes = np.zeros((48, 64), np.uint8)
    match what:
        case "E_IMAGE_MISSING":
            image.unlink()
        case "E_MASK_MISSING":
            label.unlink()
        case "E_TRUNCATED":
            image.write_bytes(image.read_bytes()[:200])
        case "E_SHAPE":
            Image.fromarray(classes[:40]).save(label)
        case "E_CLASS":
            Image.fromarray(classes + 21).save(label)
        case "E_COLOUR":
            Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(label)


@pytest.mark.parametrize("code", ["E_IMAGE_MISSING", "E_MASK_MISSING", "E_TRUNCATED", "E_SHAPE", "E_CLASS", "E_COLOUR"])
def test_an_image_that_cannot_be_used_is_counted_with_its_reason(code, tmp_path):
    devkit = write_tiny_voc(tmp_path)
    damage(devkit / "VOC2012", code)
    ingest("voc", str(devkit), output=str(tmp_path / "out"))
    skipped = json.loads((tmp_path / "out" / "ingest_report.json").read_text())["skipped"]
    assert list(skipped) == [code] and skipped[code][0].startswith("2012_train_0: ")


def test_a_folder_that_is_no_devkit_is_a_wrong_call(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(WrongCallError, match="has no VOC2012/ImageSets/Segmentation/train.txt; name the folder called"):
        ingest("voc", str(tmp_path / "in"), output=str(tmp_path / "out"))


def test_a_devkit_without_any_picture_ends_with_exit_code_3(tmp_path):
    devkit = write_tiny_voc(tmp_path)
    for picture in (devkit / "VOC2012" / "JPEGImages").iterdir():
        picture.unlink()
    with pytest.raises(NothingUsableError, match="E_IMAGE_MISSING 9"):
        ingest("voc", str(devkit), output=str(tmp_path / "out"))
