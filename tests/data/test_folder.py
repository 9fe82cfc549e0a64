"""A folder of images and masks of one's own: which mask is whose, whose patient, and what the table may say."""

import csv
import json
import re
import unicodedata
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest

from mammoseg.data.datalist import read_datalist
from mammoseg.data.folder_matching import match
from mammoseg.data.ingest import ingest
from mammoseg.data.masks import read_mask
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import NothingUsableError, WrongCallError

SHAPE = (12, 8)
BY_STEM = r"^(p\d+)"


def write_image(path, *, shape=SHAPE, dtype=np.uint16):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, shape).astype(dtype))


def square(row=2, column=2, *, shape=SHAPE):
    mask = np.zeros(shape, np.uint8)
    mask[row : row + 2, column : column + 2] = 255
    return mask


def write_mask_png(path, mask=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), square() if mask is None else mask)


def report_of(output):
    return json.loads((output / "ingest_report.json").read_text())


def records_of(output):
    datalist = read_datalist(output / "datalist.json")
    return [record for section in ("training", "validation", "test") for record in datalist[section]]


@pytest.fixture
def root(tmp_path):
    """Three patients, ``p1.png`` with ``p1_mask.png`` and so on."""
    for name in ("p1", "p2", "p3"):
        write_image(tmp_path / "in" / f"{name}.png")
        write_mask_png(tmp_path / "in" / f"{name}_mask.png")
    return tmp_path / "in"


@pytest.fixture
def run(root, tmp_path):
    """Ingest with readable names; records by image_id."""

    def _run(**options):
        options = {"patient_regex": BY_STEM, "keep_identifiers": True} | options
        ingest("folder", str(root), output=str(tmp_path / "out"), **options)
        datalist = read_datalist(tmp_path / "out" / "datalist.json")
        return {
            record["image_id"]: record | {"section": section}
            for section in ("training", "validation", "test")
            for record in datalist[section]
        }

    return _run


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("a.png", "a_mask.png"),
        ("a.png", "a-label.tif"),
        ("a.dcm", "a_seg.dcm"),
        ("images/a.png", "masks/a.png"),
        ("images/p/a.png", "masks/p/a_2.png"),
        ("p/images/a.png", "p/labels/a.png"),
        ("a.png", "masks/a_mask_1.png"),
        ("a.png", "masks/a_1_mask.png"),
        ("1.2.840.113", "1.2.840.113_mask"),
        ("a.nii.gz", "a_gt.nii.gz"),
        ("a.jpg", "mask_a.png"),
        ("a.pgm", "seg-a_1.png"),
        ("img/a.jpeg", "ground_truth/a.png"),
        ("imagesTr/a_0000.png", "labelsTr/a.png"),
        ("a_image.png", "a_mask.png"),
        ("image_1.png", "mask_1.png"),
        ("IMG-a.jpg", "seg-a.png"),
        ("a.hdr", "a_mask.nii"),
        ("imagesTs/a_0000.nii.gz", "labelsTs/a.nii.gz"),
        (unicodedata.normalize("NFD", "Brüste/é.png"), "Brüste/é_mask.png"),
        ("é.png", unicodedata.normalize("NFD", "é_mask.png")),
    ],
)
def test_a_mask_finds_its_image(tmp_path, image, mask):
    matches = match(tmp_path, [tmp_path / image, tmp_path / mask])
    assert matches.masks == {tmp_path / image: [tmp_path / mask]}


def test_a_pattern_names_the_image_in_the_name_of_its_mask(tmp_path):
    files = [tmp_path / name for name in ("p/a_mask.png", "p/a_mask (lesion 2).png", "p/b (lesion 1).png", "p/b.png")]
    matches = match(tmp_path, files, mask_pattern=re.compile(r"([^/]+) \(lesion \d\)"))
    assert matches.masks == {files[0]: [files[1]], files[3]: [files[2]]}


def test_the_longest_stem_wins(tmp_path):
    files = [tmp_path / name for name in ("a.png", "a_1.png", "masks/a_1.png")]
    assert match(tmp_path, files).masks == {files[0]: [], files[1]: [files[2]]}


def test_masks_of_another_folder_are_not_taken(tmp_path):
    files = [tmp_path / name for name in ("p1/cc.png", "p2/cc_mask.png")]
    matches = match(tmp_path, files)
    assert (matches.masks, matches.masks_without_image) == ({files[0]: []}, [files[1]])


def test_a_folder_of_pngs_becomes_a_datalist(run, tmp_path):
    records = run()
    assert sorted(records) == ["p1", "p2", "p3"]
    expected = {"image": "../in/p1.png", "label": "../in/p1_mask.png", "patient_id": "p1", "has_mass": True}
    assert expected.items() <= records["p1"].items()
    assert (records["p1"]["laterality"], records["p1"]["view"]) == (None, None)


def test_eight_bit_tiff_and_nifti_are_taken_too(run, root):
    write_image(root / "p4.tiff", dtype=np.uint8)
    write_mask_png(root / "p4_mask.png")
    for name, pixels in (("p5", square().T.astype(np.uint16)), ("p5_mask", square().T)):
        nibabel.save(nibabel.Nifti1Image(pixels, np.eye(4)), root / f"{name}.nii.gz")
    assert {"p4", "p5"} <= run().keys()


def test_dicom_says_patient_side_view_and_spacing(run, root):
    for patient in ("4711", "4712", "4713"):
        pixels = np.eye(64, 48, dtype=np.uint16)
        spacing = {"patient_id": patient, "pixel_spacing_mm": (0.07, 0.07)}
        write_mammogram(root / f"x{patient}.dcm", pixels, laterality="R", view="MLO", **spacing)
        write_mask_png(root / f"x{patient}_mask.png", square(shape=(64, 48)))
    record = run(patient_regex=None)["x4711"]
    assert [record[key] for key in ("patient_id", "laterality", "view")] == ["4711", "R", "MLO"]
    assert record["pixel_spacing_mm"] == [0.07, 0.07]
    assert record["pixel_spacing_source"] == "ImagerPixelSpacing"
    assert record["vendor"] == "mammoseg"


def test_several_masks_of_an_image_are_fused_and_kept(run, root, tmp_path):
    (root / "p1_mask.png").unlink()
    write_mask_png(root / "p1_mask_1.png", square(2, 2))
    write_mask_png(root / "p1_mask_2.png", square(8, 4))
    record = run()["p1"]
    assert record["instances"] == ["../in/p1_mask_1.png", "../in/p1_mask_2.png"]
    assert (read_mask(tmp_path / "out" / record["label"]) == (square(2, 2) + square(8, 4) > 0)).all()


def test_a_mask_in_two_files_is_one_mass_and_noted(run, root, tmp_path):
    cv2.imwrite(str(root / "p1_mask.tif"), square())
    assert "instances" not in run()["p1"]
    (name,) = report_of(tmp_path / "out")["noted"]["masks that are the same as another of their image, counted once"]
    assert name.endswith("p1_mask.tif")


def test_a_mask_without_a_pixel_of_mass_is_noted(run, root, tmp_path):
    write_mask_png(root / "p1_mask.png", np.zeros(SHAPE, np.uint8))
    assert run()["p1"]["has_mass"] is False
    assert len(report_of(tmp_path / "out")["noted"]["masks without a pixel of mass"]) == 1


def test_a_mask_of_another_size_is_resampled_and_counted(run, root, tmp_path):
    write_mask_png(root / "p1_mask.png", square(shape=(24, 16)))
    record = run()["p1"]
    assert read_mask(tmp_path / "out" / record["label"], shape=SHAPE).sum() == 1
    assert len(report_of(tmp_path / "out")["noted"]["masks resampled to the grid of their image"]) == 1


def test_everything_left_out_is_counted_by_reason(run, root, tmp_path, capsys):
    write_image(root / "p4.png")
    write_image(root / "p5.png")
    write_mask_png(root / "p5_mask.png", square(shape=(12, 12)))
    write_mask_png(root / "stranger_mask.png")
    write_image(root / "nobody.png")
    write_image(root / "p1.tif")
    (root / "readme.txt").write_text("hello")
    run()
    skipped = report_of(tmp_path / "out")["skipped"]
    assert {reason: len(what) for reason, what in skipped.items()} == {
        "E_NO_MASK": 1,
        "E_MASK_ASPECT": 1,
        "masks without an image": 1,
        "images without a patient code": 1,
        "images of the same name as another": 1,
        "files that are not images": 1,
    }
    assert "3 images of 3 patients used" in (line := capsys.readouterr().out.splitlines()[-1])
    assert "6 skipped (E_MASK_ASPECT 1, E_NO_MASK 1, " in line


@pytest.mark.parametrize("apart", [False, True])
def test_masks_of_images_that_are_refused_are_not_said_to_have_none(run, root, tmp_path, apart):
    (root / "p6.png").write_bytes(b"no picture")
    masks = tmp_path / "apart" if apart else root
    masks.mkdir(exist_ok=True)
    write_mask_png(masks / "p6_mask.png")
    write_mask_png(masks / "stranger_mask.png")
    run(**({"masks": str(masks)} if apart else {}))
    skipped = report_of(tmp_path / "out")["skipped"]
    assert [Path(path).name for path in skipped["masks of refused images"]] == ["p6_mask.png"]
    assert [Path(path).name for path in skipped["masks without an image"]] == ["stranger_mask.png"]
    assert skipped["E_NOT_DICOM"][0].startswith("p6.png: ")


@pytest.mark.parametrize("column", ["has_mass\np4.png,no", "pathology\np4.png,normal"])
def test_an_image_without_mass_gets_an_empty_mask_when_the_table_says_so(run, root, tmp_path, column):
    write_image(root / "p4.png")
    (tmp_path / "t.csv").write_text(f"image,{column}\n")
    record = run(table=str(tmp_path / "t.csv"))["p4"]
    assert record["has_mass"] is False
    assert read_mask(tmp_path / "out" / record["label"], shape=SHAPE).sum() == 0


def test_the_table_adds_its_facts(run, tmp_path):
    (tmp_path / "t.csv").write_text(
        "image,patient_id,laterality,view,pathology,birads,density,pixel_spacing_mm,reader\n"
        "p1,A,left,mlo,malignant,5,2,0.07,Dr X\nnowhere,,,,,,,,\n"
    )
    record = run(table=str(tmp_path / "t.csv"))["p1"]
    expected = {"patient_id": "A", "laterality": "L", "view": "MLO", "pathology": "MALIGNANT", "birads": 5}
    expected |= {"density": 2, "pixel_spacing_mm": [0.07, 0.07], "pixel_spacing_source": "table"}
    assert expected.items() <= record.items()
    report = report_of(tmp_path / "out")
    assert report["noted"]["table columns not used"] == ["reader"]
    assert report["skipped"]["table rows without an image"] == ["row 3"]


def test_the_split_of_the_table_is_kept(run, tmp_path):
    (tmp_path / "t.csv").write_text("image,split\np1,test\np2,training\np3,validation\n")
    records = run(table=str(tmp_path / "t.csv"))
    assert [records[name]["section"] for name in ("p1", "p2", "p3")] == ["test", "training", "validation"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("p1,9", r"row 2: birads is '9', a whole number from 0 to 6; or leave it empty"),
        ("p1,x", r"row 2: birads is 'x'"),
        ("p1,1\np1.png,1", r"row 3: its image is not one of its own"),
    ],
)
def test_a_wrong_row_of_the_table_is_named(run, tmp_path, line, message):
    (tmp_path / "t.csv").write_text(f"image,birads\n{line}\n")
    with pytest.raises(WrongCallError, match=message):
        run(table=str(tmp_path / "t.csv"))


def test_images_without_patient_codes_are_refused_with_the_way_out(run):
    with pytest.raises(WrongCallError, match="3 images and no patient code.*--patient-regex"):
        run(patient_regex=None)


@pytest.mark.parametrize(("pattern", "message"), [(r"p\d", "has 0 groups"), ("(", "is no regular expression")])
def test_a_pattern_without_one_group_is_refused(run, pattern, message):
    with pytest.raises(WrongCallError, match=message):
        run(patient_regex=pattern)


def test_patient_codes_and_image_names_are_hashed_unless_kept(run, tmp_path):
    records = run(keep_identifiers=False, key_file=str(tmp_path / "key"))
    assert all(len(record["patient_id"]) == len(name) == 16 for name, record in records.items())
    again = run(keep_identifiers=False, key_file=str(tmp_path / "key"))
    other = run(keep_identifiers=False, key_file=str(tmp_path / "another"))
    assert records.keys() == again.keys() != other.keys()


def test_masks_may_lie_in_a_folder_of_their_own(run, root, tmp_path):
    (tmp_path / "drawn").mkdir()
    for name in ("p1", "p2", "p3"):
        (root / f"{name}_mask.png").rename(tmp_path / "drawn" / f"{name}.png")
    assert run(masks=str(tmp_path / "drawn"))["p2"]["label"] == "../drawn/p2.png"


def test_a_folder_in_which_nothing_fits_ends_with_its_own_error(root, run):
    for mask in root.glob("*_mask.png"):
        mask.unlink()
    with pytest.raises(NothingUsableError, match="no image could be used, 3 skipped .E_NO_MASK 3."):
        run()


def test_jpeg_images_and_masks_are_taken_and_remarked(run, root, tmp_path):
    blocks = np.kron(np.eye(4, 3, dtype=np.uint8), np.ones((13, 13), np.uint8))[:, ::-1] * 200
    cv2.imwrite(str(root / "p4.jpg"), blocks)
    cv2.imwrite(str(root / "mask_p4.jpg"), blocks, [cv2.IMWRITE_JPEG_QUALITY, 50])
    record = run()["p4"]
    assert (read_mask(tmp_path / "out" / record["label"]) == (blocks > 0)).all()
    assert record["label"] == "masks/p4_1.png"
    assert report_of(tmp_path / "out")["noted"]["masks with grey rims, cut at half of their range"]


def test_a_mask_of_more_than_half_of_its_image_is_refused_unless_it_is_let_in(run, root, tmp_path):
    write_image(root / "p4.png")
    write_mask_png(root / "p4_mask.png", 255 - square())
    assert "p4" not in run()
    (line,) = report_of(tmp_path / "out")["skipped"]["E_MASK_AREA"]
    assert line.startswith("p4.png: the mask covers 96% of its image: inverted")
    assert run(large_masks=True)["p4"]["has_mass"]


def test_bad_pictures_and_masks_are_counted_and_the_others_used(run, root, tmp_path):
    for name in ("p4", "p5_mask", "p6"):
        (root / f"{name}.tif").write_bytes(b"II*\0" + bytes(range(200)))
    (root / "p7.nii").write_bytes(bytes(344) + b"n+1\0" + bytes(range(200)))
    write_image(root / "p5.png")
    assert sorted(run()) == ["p1", "p2", "p3"]
    lines = report_of(tmp_path / "out")["skipped"]["E_TRUNCATED"]
    assert len(lines) == 4
    assert [line for line in lines if line.startswith("p5.png: its mask p5_mask.tif: the picture cannot be decoded")]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("^(p)", r"patients found: 1, needed: 3, .* found 'p' in 'p1.png', 'p' in 'p2.png', 'p' in 'p3.png'; give"),
        ("^x(.)", r"3 images and no patient code.* found nothing; 3 of 3 images do not match, such as 'p1.png'; say"),
        ("^p([12])", r"patients found: 2, .* 1 of 3 images do not match, such as 'p3.png'"),
    ],
)
def test_a_message_about_the_pattern_shows_what_it_found_where(run, pattern, message):
    with pytest.raises(WrongCallError, match=message):
        run(patient_regex=pattern)


def test_an_image_whose_name_becomes_that_of_another_is_left_out_before_its_mask_is_written(run, root, tmp_path):
    for name, row in (("p4 a", 2), ("p4_a", 6)):
        write_image(root / f"{name}.png")
        for number, column in ((1, 1), (2, 4)):
            write_mask_png(root / f"{name}_mask_{number}.png", square(row, column))
    assert {"p1", "p2", "p3", "p4_a"} == run().keys()
    (line,) = report_of(tmp_path / "out")["skipped"]["E_SAME_NAME"]
    assert line == "p4_a.png: its name becomes that of p4 a.png; give it one of its own."
    assert cv2.imread(str(tmp_path / "out" / "masks" / "p4_a.png"), 0).any(axis=1).argmax() == 2


def test_names_are_shown_on_request_and_lie_beside_the_datalist_otherwise(root, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    out = tmp_path / "out"
    ingest("folder", str(root), output=str(out), patient_regex=BY_STEM)
    records = records_of(out)
    names = {row["image_id"]: row["name"] for row in csv.DictReader((out / "names.csv").read_text().splitlines())}
    assert sorted(names.values()) == ["p1.png", "p2.png", "p3.png"]
    assert names.keys() == {record["image_id"] for record in records}
    assert (out / "names.csv").stat().st_mode & 0o777 == 0o600
    assert not any("name" in record for record in records)
    ingest("folder", str(root), output=str(out), patient_regex=BY_STEM, show_names=True)
    assert {record["image_id"]: record["name"] for record in records_of(out)} == names
    assert not (out / "names.csv").exists()
