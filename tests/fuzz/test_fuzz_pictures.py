"""A damaged picture or NIfTI file ends in an image or a known code, as an image and as a mask."""

import pytest

from tests.fuzz.pictures import draw_picture_cases, picture_names, read_picture_case
from tests.fuzz.run import fuzz


@pytest.mark.parametrize("name", picture_names())
def test_a_seed_is_sound(tmp_path, name):
    ending = "E_MULTIFRAME" if name == "pages.tif" else "image"
    assert read_picture_case(tmp_path / "seed", name, "header", [])[0] == ending


def test_no_mutation_ends_in_a_fault_or_a_traceback():
    report = fuzz(seed=0, count=1200, draw=draw_picture_cases, read=read_picture_case)
    assert report.findings == []
    assert {ending.split(": ")[1] for ending in report.endings} >= {"image", "E_TRUNCATED", "E_NOT_DICOM"}
