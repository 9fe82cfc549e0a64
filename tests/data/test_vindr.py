"""VinDr-Mammo in PhysioNet's layout: images/STUDY/IMAGE.dicom and finding_annotations.csv."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mammoseg.data.datalist import load_section
from mammoseg.data.ingest import ingest
from mammoseg.data.masks import read_mask
from mammoseg.errors import WrongCallError
from mammoseg.mammogram import MOST_MASSES
from tests.data.ingested import read_ingested
from tests.made_dicom import mammogram_dataset

SHAPE = (60, 40)
COLUMNS = (
    "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,"
    "finding_categories,finding_birads,xmin,ymin,xmax,ymax,split"
).split(",")


class Release:
    """The collection, written file by file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows: list[list[object]] = []

    def add(self, study, image, *findings, split="training") -> Path:
        """An image; a finding is its categories and box."""
        path = self.root / "images" / study / f"{image}.dicom"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 4096, SHAPE, dtype=np.uint16)
        mammogram_dataset(pixels, ImagerPixelSpacing=[0.1, 0.1]).save_as(path, enforce_file_format=True)
        for categories, box in findings or [("['No Finding']", ["", "", "", ""])]:
            facts = [study, "s", image, "L", "MLO", *SHAPE, "BI-RADS 4", "DENSITY C"]
            self.rows.append([*facts, categories, "BI-RADS 4", *box, split])
        return path

    def ingest(self, output: Path) -> tuple[dict[str, dict], dict]:
        """Records by image_id, each with its section, and the report."""
        with (self.root / "finding_annotations.csv").open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *self.rows])
        ingest("vindr", str(self.root), output=str(output))
        return read_ingested(output)


@pytest.fixture
def release(tmp_path) -> Release:
    release = Release(tmp_path / "vindr-mammo-1.0.0")
    release.add("aa01", "i1", ("['Mass']", [10.0, 20.0, 14.0, 26.0]))
    release.add("aa02", "i2")
    release.add("aa03", "i3", ("['Mass']", [1.0, 2.0, 3.0, 5.0]), split="test")
    return release


def test_more_masses_than_an_image_may_have_are_refused(release, tmp_path):
    release.add("aa04", "i4", *[("['Mass']", [1.0, 2.0, 3.0, 5.0])] * (MOST_MASSES + 1))
    records, report = release.ingest(tmp_path / "out")
    assert "i4" not in records and len(report["skipped"]["E_MASK_COUNT"]) == 1


def test_a_box_is_filled_from_corner_to_corner_and_the_table_describes_the_image(release, tmp_path):
    records, _ = release.ingest(tmp_path / "out")
    mask = read_mask(tmp_path / "out" / records["i1"]["label"], shape=SHAPE)
    assert np.argwhere(mask).min(axis=0).tolist() == [20, 10]
    assert np.argwhere(mask).max(axis=0).tolist() == [25, 13]
    assert mask.sum() == 6 * 4
    expected = {"patient_id": "aa01", "laterality": "L", "view": "MLO", "birads": 4, "density": 3}
    assert {key: records["i1"][key] for key in expected} == expected
    assert (records["i2"]["has_mass"], records["i3"]["section"]) == (False, "test")


def test_boxes_are_fused_and_kept_and_findings_without_mass_are_counted(release, tmp_path):
    boxes = [("['Mass', 'Suspicious Calcification']", [0, 0, 4, 4]), ("['Mass']", [30.2, 50.0, 500, 55.0])]
    release.add("aa04", "i4", *boxes, ("['Asymmetry']", [5, 5, 9, 9]))
    records, report = release.ingest(tmp_path / "out")
    assert [int(read_mask(tmp_path / "out" / path).sum()) for path in records["i4"]["instances"]] == [16, 50]
    assert read_mask(tmp_path / "out" / records["i4"]["label"]).sum() == 66
    assert report["noted"] == {
        "findings that are no masses: Suspicious Calcification": ["i4"],
        "findings that are no masses: Asymmetry": ["i4"],
    }


def test_images_that_cannot_be_used_are_counted_and_the_others_used(release, tmp_path):
    release.add("aa04", "i4").unlink()
    path = release.add("aa05", "i5")
    path.write_bytes(path.read_bytes()[:500])
    release.add("aa06", "i6", ("['Mass']", ["", "", "", ""]))
    release.add("aa07", "i7", ("['Mass']", ["nan", 0, 4, 4]))
    release.add("aa08", "i8", ("__import__('os')", [0, 0, 4, 4]))
    release.add("aa09", "i9")
    release.rows[-1][5] = 61
    release.rows.append(["..", "s", "../secret", "L", "CC", 1, 1, "", "", "['Mass']", "", 0, 0, 1, 1, "training"])
    records, report = release.ingest(tmp_path / "out")
    assert set(records) == {"i1", "i2", "i3"}
    assert {code: len(names) for code, names in report["skipped"].items()} == {
        "E_IMAGE_MISSING": 2,
        "E_TRUNCATED": 1,
        "E_NO_PLACE": 2,
        "E_TABLE": 1,
        "E_SHAPE": 1,
    }
    assert report["skipped"]["E_TRUNCATED"][0].startswith("images/aa05/i5.dicom: ")


def test_boxes_are_no_outlines_so_nothing_trains_on_them_or_scores_them(release, tmp_path):
    release.ingest(tmp_path / "out")
    with pytest.raises(WrongCallError, match="are marked by boxes, which are no outlines"):
        load_section(tmp_path / "out" / "datalist.json", "training")


def test_a_folder_without_the_table_is_a_wrong_call(release, tmp_path):
    with pytest.raises(WrongCallError, match=r"no 'finding_annotations.csv' below"):
        ingest("vindr", str(release.root), output=str(tmp_path / "out"))
