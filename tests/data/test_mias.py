"""mini-MIAS in its own layout: PGM files and Info.txt in one folder."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.data.datalist import load_section, read_datalist
from mammoseg.data.ingest import ingest
from mammoseg.data.masks import read_mask
from mammoseg.errors import WrongCallError
from tests.data.ingested import read_ingested

INFO = """\
\tINFORMATION:
This file lists the films in the MIAS database and provides appropriate
details as follows:
        1st column: MIAS database reference number.
mdb001 G CIRC B 535 425 197
mdb002 G CIRC B 522 280 69
mdb003 D NORM 
mdb004 D NORM 
mdb005 F CIRC B 477 133 30
mdb005 F CIRC M 500 700 26
mdb006 F CALC M 674 443 79
mdb059 F CIRC B
mdb216 D CALC M *NOTE 3*
"""  # noqa: W291
NAMES = ("mdb001", "mdb002", "mdb003", "mdb004", "mdb005", "mdb006", "mdb059", "mdb216")


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """The datalist of a small set whose one image is cut."""
    root = tmp_path_factory.mktemp("mias") / "all-mias"
    root.mkdir()
    (root / "Info.txt").write_text(INFO)
    pixels = np.tile(np.arange(1024, dtype=np.uint16) // 4, (1024, 1)).astype(np.uint8)
    for name in (*NAMES, "mdb330"):
        cv2.imwrite(str(root / f"{name}.pgm"), pixels)
    (root / "mdb004.pgm").write_bytes((root / "mdb004.pgm").read_bytes()[:5000])
    ingest("mias", str(root), output=str(root.parent / "out"))
    return root.parent / "out"


def records(out: Path) -> dict[str, dict]:
    return read_ingested(out)[0]


def middle(mask: np.ndarray) -> list[int]:
    """Row and column of the middle of a mask."""
    return np.argwhere(mask).mean(axis=0).round().astype(int).tolist()


def test_a_circle_stands_as_far_from_below_as_the_table_says(out):
    mask = read_mask(out / records(out)["mdb001"]["label"], shape=(1024, 1024))
    assert middle(mask) == [1024 - 425, 535]
    assert mask.sum() == pytest.approx(np.pi * 197**2, rel=0.01)


def test_two_lines_of_an_image_are_two_masses_and_the_worse_describes_it(out):
    record = records(out)["mdb005"]
    assert [middle(read_mask(out / path)) for path in record["instances"]] == [[1024 - 133, 477], [1024 - 700, 500]]
    assert record["pathology"] == "MALIGNANT"


def test_odd_numbers_are_right_breasts_and_two_images_are_one_patient(out):
    found = records(out)
    assert [(found[name]["patient_id"], found[name]["laterality"]) for name in ("mdb001", "mdb002", "mdb003")] == [
        ("mias001", "R"),
        ("mias001", "L"),
        ("mias002", "R"),
    ]
    assert (found["mdb003"]["view"], found["mdb003"]["pixel_spacing_mm"]) == ("MLO", [0.2, 0.2])


def test_calcifications_and_normal_images_have_no_mass(out):
    found = records(out)
    assert {name: found[name]["has_mass"] for name in ("mdb003", "mdb006", "mdb216")} == dict.fromkeys(
        ("mdb003", "mdb006", "mdb216"), False
    )
    assert (found["mdb003"]["pathology"], found["mdb006"]["pathology"]) == ("NORMAL", "MALIGNANT")
    assert read_mask(out / found["mdb006"]["label"]).sum() == 0


def test_a_mass_without_a_place_and_a_cut_image_are_counted_and_the_others_used(out):
    report = json.loads((out / "ingest_report.json").read_text())
    assert {reason: [name.split(":")[0] for name in names] for reason, names in report["skipped"].items()} == {
        "E_NO_PLACE": ["mdb059.pgm"],
        "E_TRUNCATED": ["mdb004.pgm"],
        "images without a line in the table": ["mdb330.pgm"],
    }
    assert report["noted"] == {"findings that are no masses: CALC": ["mdb006", "mdb216"]}


def test_circles_are_no_outlines_so_nothing_trains_on_them_or_scores_them(out):
    assert read_datalist(out / "datalist.json")["truth"] == "circles"
    with pytest.raises(WrongCallError, match="are marked by circles, which are no outlines"):
        load_section(out / "datalist.json", "test")


def test_a_folder_without_the_table_is_a_wrong_call(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(WrongCallError, match=r"no 'Info.txt'"):
        ingest("mias", str(tmp_path / "in"), output=str(tmp_path / "out"))
    (tmp_path / "in" / "Info.txt").write_text("see the web page")
    with pytest.raises(WrongCallError, match="has no line such as"):
        ingest("mias", str(tmp_path / "in"), output=str(tmp_path / "out"))
