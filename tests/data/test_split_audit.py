"""What stands in two sections of a split is found, in the words of the command."""

import csv
import json

import cv2
import numpy as np
import pytest

from mammoseg import cli
from mammoseg.csv_table import read_csv
from mammoseg.data.datalist import write_datalist
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.data.split_audit import SharedError, audit_split
from mammoseg.errors import NothingUsableError, WrongCallError


def write_table(path, rows, columns=("image", "patient", "split")):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([columns, *rows])
    return str(path)


def film(seed):
    """A smooth picture of its own, 12 bits deep, 96 x 64."""
    noise = np.random.default_rng(seed).random((12, 8)).astype(np.float32)
    return (cv2.resize(noise, (64, 96), interpolation=cv2.INTER_CUBIC).clip(0, 1) * 4000).astype(np.uint16)


@pytest.fixture
def benchmark(tmp_path):
    """600 training and 312 test images, two a patient; 99 patients stand on both sides, with 198 test images."""
    test = [(f"test{n}.png", f"p{n // 2}", "test") for n in range(312)]
    training = [(f"train{n}.png", f"p{n // 2 + 57}", "train") for n in range(600)]
    return write_table(tmp_path / "benchmark.csv", training + test)


def test_198_of_312_test_images_are_of_patients_in_training(benchmark, capsys):
    with pytest.raises(SharedError, match=r"not clean \(same patient\).*divide it again by patient") as raised:
        audit_split(benchmark, no_pixels=True)
    assert raised.value.exit_code == 1
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[0].split()) == "same patient 99 images: 198 of 600 train, 198 of 312 test"
    assert lines[1:] == ["912 images of 357 patients (train 600, test 312)", "Pixels were not compared."]


def test_json_and_details_say_the_same(benchmark, tmp_path, capsys):
    with pytest.raises(SharedError):
        audit_split(benchmark, no_pixels=True, as_json=True, details=str(tmp_path / "details.csv"))
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding == {
        "kind": "same patient",
        "sections": ["train", "test"],
        "groups": 99,
        "images": {"train": 198, "test": 198},
    }
    _, details = read_csv(tmp_path / "details.csv")
    assert len(details) == 396 and details[-1]["patient"] == "p155"
    assert (tmp_path / "details.csv").stat().st_mode & 0o777 == 0o600


def found(*inputs, capsys, **options):
    """Kinds and images of what is found."""
    with pytest.raises(SharedError):
        audit_split(*inputs, as_json=True, **options)
    return {finding["kind"]: finding["images"] for finding in json.loads(capsys.readouterr().out)["findings"]}


def test_the_same_breast_is_told_from_the_other_of_the_same_patient(tmp_path, capsys):
    rows = [("a.png", "p1", "train", "L"), ("b.png", "p1", "test", "L"), ("c.png", "p1", "test", "R")]
    table = write_table(tmp_path / "t.csv", rows, columns=("image", "patient", "split", "breast"))
    assert found(table, capsys=capsys, side="breast", no_pixels=True) == {
        "same patient": {"train": 1, "test": 2},
        "same breast": {"train": 1, "test": 1},
    }


def test_the_same_pixels_are_found_under_other_names_and_formats(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), film(0))
    cv2.imwrite(str(tmp_path / "b.tif"), film(0))
    cv2.imwrite(str(tmp_path / "c.png"), film(1))
    table = write_table(tmp_path / "t.csv", [("a.png", "1", "train"), ("b.tif", "2", "test"), ("c.png", "3", "test")])
    assert found(table, capsys=capsys) == {"same pixels": {"train": 1, "test": 1}}


@pytest.mark.parametrize("change", ["8 bits", "half size", "mirrored", "JPEG"])
def test_a_copy_is_found_and_others_are_not(change, tmp_path, capsys):
    pixels = film(0)
    changed = {
        "8 bits": lambda: (pixels // 16).astype(np.uint8),
        "half size": lambda: cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        "mirrored": lambda: pixels[:, ::-1],
        "JPEG": lambda: cv2.imdecode(cv2.imencode(".jpg", pixels // 16)[1], cv2.IMREAD_GRAYSCALE),
    }[change]()
    for name, image in (("a", pixels), ("b", changed), ("c", film(1)), ("d", film(2))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    rows = [("a.png", "1", "train"), ("b.png", "2", "test"), ("c.png", "3", "test"), ("d.png", "4", "train")]
    assert found(write_table(tmp_path / "t.csv", rows), capsys=capsys) == {"similar pixels": {"train": 1, "test": 1}}


def record(number, *, patient, fold):
    paths = {"image": f"{number}.png", "label": f"{number}_mask.png"}
    place = {"patient_id": patient, "laterality": "L", "view": "CC"}
    return {"image_id": f"i{number}", **paths, **place, "fold": fold, "has_mass": True}


def tiny_datalist(folder, training, test):
    folder.mkdir()
    sections = {
        "training": [record(patient, patient=patient, fold=0) for patient in training],
        "validation": [],
        "test": [record(patient, patient=patient, fold=None) for patient in test],
    }
    write_datalist(
        folder / "datalist.json", name="n", source="cbis_ddsm", seed=0, license=None, sections=sections, split=None
    )
    return str(folder / "datalist.json")


def test_an_official_test_patient_of_cbis_ddsm_in_training_is_found(tmp_path, capsys):
    path = tiny_datalist(tmp_path / "a", training=["P_00001", "P_00016"], test=["P_00017"])
    assert found(path, capsys=capsys, no_pixels=True) == {"official test patient in training": {"training": 1}}


def test_two_datalists_are_one_split(tmp_path, capsys):
    ours = tiny_datalist(tmp_path / "ours", training=["P_00001"], test=[])
    theirs = tiny_datalist(tmp_path / "theirs", training=[], test=["P_00001"])
    assert set(found(ours, theirs, capsys=capsys, no_pixels=True)) == {"same patient", "same breast"}


def test_a_datalist_that_others_wrote_may_divide_a_patient(tmp_path, capsys):
    path = tmp_path / "a" / "datalist.json"
    tiny_datalist(tmp_path / "a", training=["P_00001"], test=["P_00002"])
    path.write_text(path.read_text().replace('"patient_id": "P_00002"', '"patient_id": "P_00001"'))
    assert "same patient" in found(str(path), capsys=capsys, no_pixels=True)


def test_a_clean_split_ends_well(tmp_path, capsys):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), film(number))
    rows = [("0.png", "1", "train"), ("1.png", "1", "train"), ("2.png", "2", "test")]
    audit_split(write_table(tmp_path / "t.csv", rows))
    assert capsys.readouterr().out == "3 images of 2 patients (train 2, test 1): nothing is shared\n"


def test_a_remark_on_many_images_is_said_once_with_their_number(tmp_path, capsys, caplog):
    for number in range(3):
        write_mammogram(tmp_path / f"{number}.dcm", film(number), study=str(number), pixel_spacing_mm=(1.0, 1.0))
    cv2.imwrite(str(tmp_path / "3.png"), film(3))
    audit_split(
        write_table(tmp_path / "t.csv", [(f"{n}.dcm", str(n), "train") for n in range(3)] + [("3.png", "3", "test")])
    )
    said = [line for line in capsys.readouterr().err.splitlines() if "not believed" in line]
    assert said == [
        "3 of 4 images: ImagerPixelSpacing is no pixel size of a mammogram and is not believed, so nothing is "
        "measured in mm by it"
    ]
    assert not caplog.records


def test_images_that_are_not_there_leave_a_split_unproven(tmp_path):
    table = write_table(tmp_path / "t.csv", [("a.png", "1", "train"), ("b.png", "2", "test")])
    with pytest.raises(NothingUsableError, match="2 of 2 images could not be read.*--no_pixels"):
        audit_split(table)
    audit_split(table, no_pixels=True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe\x00", "is no CSV in UTF-8"),
        (b"image,patient,split\na.png,,train\n", "row 1, has no patient; give one"),
    ],
)
def test_a_table_that_cannot_be_read_ends_with_exit_code_3(content, sentence, tmp_path):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(NothingUsableError, match=sentence):
        audit_split(str(tmp_path / "t.csv"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "no split is named"),
        (["t.csv", "--patient", "who"], "has no column 'who'; it has: image, patient, split"),
        (["t.csv", "--official", "vindr"], "no list of test patients of 'vindr'; there is: cbis_ddsm"),
    ],
)
def test_a_wrong_call_is_one(words, sentence, tmp_path, monkeypatch):
    write_table(tmp_path / "t.csv", [("a.png", "1", "train")])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongCallError, match=sentence):
        cli.run(["audit-split", *words])
