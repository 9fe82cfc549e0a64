"""The JPEG copy of CBIS-DDSM as Kaggle gives it: folders named by series, one index of what they hold."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.data.cbis_ddsm_jpeg import find_mask
from mammoseg.data.ingest import ingest
from mammoseg.data.masks import read_mask
from mammoseg.errors import WrongCallError
from tests.data.ingested import read_ingested

SHAPE = (240, 160)
TABLE = (
    "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,mass margins,"
    "assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path"
)
INDEX = ("file_path", "image_path", "PatientID", "SeriesDescription", "SeriesInstanceUID")
CASES = ("Mass-Training_P_00001_LEFT_CC", "Mass-Training_P_00002_RIGHT_MLO", "Mass-Test_P_00003_LEFT_MLO")


def film(shape=SHAPE):
    """Grey as a film: noise about a slope."""
    slope = np.linspace(40, 200, shape[1])
    return (slope + np.random.default_rng(0).normal(0, 12, shape)).clip(0, 255).astype(np.uint8)


def square(*, at, shape=SHAPE):
    """A mask of 25 x 25 pixels."""
    mask = np.zeros(shape, np.uint8)
    mask[at[0] : at[0] + 25, at[1] : at[1] + 25] = 255
    return mask


class Copy:
    """The copy, written file by file; `index` are the rows of ``dicom_info.csv``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows: list[list[object]] = []
        self.index: list[dict[str, str]] = []

    def write(self, owner: str, pixels: np.ndarray, what: str) -> Path:
        uid = f"1.3.6.1.4.1.9590.100.1.2.{len(self.index)}"
        path = self.root / "jpeg" / uid / f"1-{len(self.index):03d}.jpg"
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), pixels)
        stated = f"CBIS-DDSM/jpeg/{uid}/{path.name}"
        self.index.append(dict(zip(INDEX, ("CBIS-DDSM/dicom/x.dcm", stated, owner, what, uid), strict=True)))
        return path

    def add(self, case: str, *masks: np.ndarray) -> None:
        """A film with one abnormality a mask; crop and mask are described the wrong way round, or not at all."""
        _, p, number, side, view = case.split("_")
        self.write(case, film(), "full mammogram images")
        for count, mask in enumerate(masks, start=1):
            owner = f"{case}_{count}"
            self.write(owner, film((50, 40)), "ROI mask images")
            self.write(owner, mask, "" if count > 1 else "cropped images")
            words = ["mass", "OVAL", "SPICULATED", 4, "BENIGN", 3]
            self.rows.append([f"{p}_{number}", 2, side, view, count, *words, f"{case}/1.2/1.3/000000.dcm", "", ""])

    def ingest(self, output: Path) -> tuple[dict[str, dict], dict]:
        """Records by image_id, and the report."""
        (self.root / "csv").mkdir(exist_ok=True)
        with (self.root / "csv" / "dicom_info.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, INDEX)
            writer.writeheader()
            writer.writerows(self.index)
        with (self.root / "csv" / "mass_case_description_train_set.csv").open("w", newline="") as file:
            file.write(TABLE + "\n")
            csv.writer(file).writerows(self.rows)
        ingest("cbis_ddsm", str(self.root), output=str(output))
        return read_ingested(output)


@pytest.fixture
def copy(tmp_path) -> Copy:
    """Two training patients and one test patient, each with one mass."""
    copy = Copy(tmp_path / "archive")
    for number, case in enumerate(CASES):
        copy.add(case, square(at=(40 * number + 20, 30)))
    return copy


def test_mask_and_crop_are_told_apart_by_pixels_though_the_index_swaps_them(copy, tmp_path):
    records, report = copy.ingest(tmp_path / "out")
    assert set(records) == set(CASES)
    record = records[CASES[1]]
    assert (read_mask(tmp_path / "out" / record["label"], shape=SHAPE) == (square(at=(60, 30)) > 0)).all()
    assert cv2.imread(str(tmp_path / "out" / record["image"]), cv2.IMREAD_UNCHANGED).shape == SHAPE
    assert (record["patient_id"], record["laterality"], record["view"]) == ("P_00002", "R", "MLO")
    assert records[CASES[2]]["section"] == "test"
    assert len(report["noted"]["crops left aside"]) == 3


def test_a_copy_in_a_folder_of_the_archive_is_found_too(copy, tmp_path):
    copy.root = tmp_path / "download" / "archive"
    copy.root.parent.mkdir()
    (tmp_path / "archive").rename(copy.root)
    copy.ingest(tmp_path / "first")
    ingest("cbis_ddsm", str(tmp_path / "download"), output=str(tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "ingest_report.json").read_text())["used"]["test"] == 1


def test_two_masses_with_an_empty_description_are_fused_and_kept_as_instances(copy, tmp_path):
    masks = [square(at=(5, 5)), square(at=(150, 100))]
    copy.add("Mass-Training_P_00004_LEFT_CC", *masks)
    record = copy.ingest(tmp_path / "out")[0]["Mass-Training_P_00004_LEFT_CC"]
    assert (read_mask(tmp_path / "out" / record["label"]) == (masks[0] + masks[1] > 0)).all()
    assert [int(read_mask(tmp_path / "out" / path).sum()) for path in record["instances"]] == [625, 625]


def test_files_that_are_missing_or_have_no_owner_are_counted_and_the_others_used(copy, tmp_path):
    copy.add("Mass-Training_P_00004_LEFT_CC", square(at=(5, 5)))
    copy.write("", film(), "full mammogram images")
    outside = copy.write("Mass-Training_P_00005_LEFT_CC", film(), "")
    copy.index[-1]["image_path"] = "CBIS-DDSM/jpeg/../../elsewhere.jpg"
    (tmp_path / "elsewhere.jpg").write_bytes(outside.read_bytes())
    film_row = next(row for row in copy.index if row["PatientID"] == "Mass-Training_P_00004_LEFT_CC")
    (copy.root / film_row["image_path"].removeprefix("CBIS-DDSM/")).unlink()
    records, report = copy.ingest(tmp_path / "out")
    assert set(records) == set(CASES)
    assert len(report["skipped"]["E_IMAGE_MISSING"]) == 1
    assert len(report["skipped"]["files of dicom_info.csv that are not there"]) == 2
    assert len(report["skipped"]["files without a PatientID in dicom_info.csv"]) == 1


def test_a_picture_that_cannot_be_decoded_does_not_end_the_ingest(copy, tmp_path):
    copy.add("Mass-Training_P_00004_LEFT_CC", square(at=(5, 5)))
    film_row = next(row for row in copy.index if row["PatientID"] == "Mass-Training_P_00004_LEFT_CC")
    path = copy.root / film_row["image_path"].removeprefix("CBIS-DDSM/")
    path.write_bytes(path.read_bytes()[:300])
    records, report = copy.ingest(tmp_path / "out")
    assert set(records) == set(CASES)
    assert [code for code in report["skipped"] if code.startswith("E_")] == ["E_TRUNCATED"]


def test_an_index_without_the_column_of_owners_is_a_wrong_call(copy, tmp_path):
    copy.ingest(tmp_path / "out")
    (copy.root / "csv" / "dicom_info.csv").write_text("image_path\nx\n")
    with pytest.raises(WrongCallError, match=r"dicom_info.csv has no column 'PatientID'"):
        ingest("cbis_ddsm", str(copy.root), output=str(tmp_path / "again"))


@pytest.mark.parametrize("quality", [60, 95])
def test_jpeg_of_any_quality_leaves_a_mask_a_mask_and_a_film_none(tmp_path, quality):
    for name, pixels in {"mask": square(at=(30, 30)), "film": film()}.items():
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    mask = find_mask(tmp_path / "mask.jpg")
    assert mask is not None and (mask == (square(at=(30, 30)) > 0)).mean() > 0.999
    assert find_mask(tmp_path / "film.jpg") is None
