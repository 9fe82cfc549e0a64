"""CDD-CESM in TCIA's layout: folders of JPEG, regions as VIA writes them, and the table of the radiologists."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.data.ingest import ingest
from mammoseg.data.masks import read_mask
from mammoseg.data.via_regions import fill_region
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.mammogram import MOST_MASSES
from tests.data.ingested import read_ingested

SHAPE = (60, 40)
LOW, SUBTRACTED = "Low energy images of CDD-CESM", "Subtracted images of CDD-CESM"
SQUARE = {"name": "polygon", "all_points_x": [10, 14, 14, 10], "all_points_y": [20, 20, 24, 24]}
CIRCLE = {"name": "circle", "cx": 30, "cy": 45, "r": 3}


class Collection:
    """The collection, written file by file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.regions: list[list[object]] = []
        self.facts: list[list[str]] = []

    def add(self, name: str, *shapes: dict, pathology: str) -> Path:
        path = self.root / "CDD-CESM" / (LOW if "_DM_" in name else SUBTRACTED) / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8))
        for number, shape in enumerate(shapes):
            self.regions.append([f"{name}.jpg", 1000, "{}", len(shapes), number, json.dumps(shape), "{}"])
        self.facts.append([name, pathology])
        return path

    def ingest(self, output: Path) -> tuple[dict[str, dict], dict]:
        """Records by image_id, and the report."""
        head = "#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
        for name, rows in {
            "Radiology_hand_drawn_segmentations_v2.csv": [head.split(","), *self.regions],
            "Radiology-manual-annotations.csv": [["Image_name", "Pathology Classification/ Follow up"], *self.facts],
        }.items():
            with (self.root / name).open("w", newline="") as file:
                csv.writer(file).writerows(rows)
        ingest("cdd_cesm", str(self.root), output=str(output))
        return read_ingested(output)


@pytest.fixture
def collection(tmp_path) -> Collection:
    collection = Collection(tmp_path / "PKG - CDD-CESM")
    collection.add("P1_L_DM_MLO", SQUARE, CIRCLE, pathology="Malignant")
    collection.add("P1_L_CM_MLO", SQUARE, pathology="Malignant")
    collection.add("P2_R_DM_CC", CIRCLE, pathology="Benign")
    collection.add("P10_R_DM_CC", pathology="Normal")
    return collection


def test_low_energy_images_with_their_regions_become_records(collection, tmp_path):
    records, report = collection.ingest(tmp_path / "out")
    assert set(records) == {"P1_L_DM_MLO", "P2_R_DM_CC", "P10_R_DM_CC"}
    record = records["P1_L_DM_MLO"]
    masks = [read_mask(tmp_path / "out" / path, shape=SHAPE) for path in record["instances"]]
    assert np.argwhere(masks[0]).min(axis=0).tolist() == [20, 10]
    assert masks[0].sum() == 25
    assert read_mask(tmp_path / "out" / record["label"]).sum() == 25 + masks[1].sum()
    expected = {"patient_id": "P1", "laterality": "L", "view": "MLO", "pathology": "MALIGNANT", "has_mass": True}
    assert {key: record[key] for key in expected} == expected
    assert report["skipped"] == {"pictures that are no low-energy images": ["P1_L_CM_MLO.jpg"]}


def test_a_normal_image_has_an_empty_mask_and_an_abnormal_one_without_regions_is_refused(collection, tmp_path):
    collection.add("P3_L_DM_CC", pathology="Benign")
    records, report = collection.ingest(tmp_path / "out")
    assert (records["P10_R_DM_CC"]["has_mass"], records["P10_R_DM_CC"]["pathology"]) == (False, "NORMAL")
    (said,) = report["skipped"]["E_MASK_MISSING"]
    assert said.startswith("P3_L_DM_CC.jpg: no region is drawn in it")


def test_a_bad_region_or_picture_refuses_its_image_only(collection, tmp_path):
    collection.add("P3_L_DM_CC", SQUARE, pathology="Benign")
    collection.regions[-1][5] = "{'name': 'polygon'"
    cut = collection.add("P4_L_DM_CC", SQUARE, pathology="Benign")
    cut.write_bytes(cut.read_bytes()[:200])
    collection.add("P5_L_DM_CC", *[SQUARE] * (MOST_MASSES + 1), pathology="Benign")
    records, report = collection.ingest(tmp_path / "out")
    assert len(records) == 3
    assert {"E_REGION", "E_TRUNCATED", "E_MASK_COUNT"} <= report["skipped"].keys()


def test_an_ellipse_is_turned_from_x_towards_y():
    turned = {"name": "ellipse", "cx": 20, "cy": 30, "rx": 12, "ry": 3, "theta": np.pi / 4}
    mask = fill_region(json.dumps(turned), SHAPE)
    assert (mask[30 + 7, 20 + 7], mask[30 - 7, 20 - 7], mask[30 - 7, 20 + 7], mask[30 + 7, 20 - 7]) == (1, 1, 0, 0)
    assert mask.sum() == pytest.approx(np.pi * 12 * 3, rel=0.05)


def test_a_rectangle_and_a_polyline_are_areas_and_a_point_is_none():
    rectangle = {"name": "rect", "x": 10, "y": 20, "width": 4, "height": 4}
    np.testing.assert_array_equal(fill_region(json.dumps(rectangle), SHAPE), fill_region(json.dumps(SQUARE), SHAPE))
    line = SQUARE | {"name": "polyline"}
    np.testing.assert_array_equal(fill_region(json.dumps(line), SHAPE), fill_region(json.dumps(SQUARE), SHAPE))
    assert fill_region('{"name": "point", "cx": 3, "cy": 4}', SHAPE) is None
    assert fill_region("{}", SHAPE) is fill_region("", SHAPE) is None


@pytest.mark.parametrize(
    "cell",
    [
        '{"name": "star"}',
        '{"name": "circle", "cx": 1e400, "cy": 0, "r": 1}',
        '{"name": "circle", "cx": NaN, "cy": 0, "r": 1}',
        '{"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1]}',
        "[" * 100_000,
        "7",
    ],
)
def test_what_is_no_shape_is_refused(cell):
    with pytest.raises(InputRefusedError, match="E_REGION"):
        fill_region(cell, SHAPE)


def test_a_missing_table_is_a_wrong_call(collection, tmp_path):
    with pytest.raises(WrongCallError, match="no 'Radiology_hand_drawn_segmentations_v2.csv' below the input"):
        ingest("cdd_cesm", str(collection.root), output=str(tmp_path / "out"))
