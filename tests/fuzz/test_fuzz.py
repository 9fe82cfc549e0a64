"""A damaged file ends in an image or a known code: no crash, no hang, no traceback, no image from a damaged header."""

import numpy as np
import pytest

from mammoseg.data.mammogram import read_mammogram
from tests.fuzz.mutations import mutate
from tests.fuzz.run import fuzz, read_case
from tests.fuzz.seeds import SYNTAXES, load_seed, seed_names

FOUND = {
    "panic of the RLE decoder, index": (("rle", "pixels", [("flip", 2022, "10")]), "E_COMPRESSION"),
    "panic of the RLE decoder, length": (
        ("rle", "pixels", [("put", 3300, "1d93283c"), ("put", 3250, "66427fdb")]),
        "E_COMPRESSION",
    ),
    "a tag lost among others": (("rle", "header", [("put", 1106, "62c8")]), "E_NOT_DICOM"),
    "a tag lost among others, implicit": (("implicit", "header", [("put", 1306, "91240868")]), "E_NOT_DICOM"),
    "pixels of no length": (("tables", "header", [("put", 3500, "00000000")]), "E_NO_PIXELS"),
    "group length of the meta information": (("jpeg_2000", "header", [("flip", 141, "02")]), "image"),
}
"""What fuzzing found, and how it must end."""


@pytest.mark.parametrize(("case", "ending"), FOUND.values(), ids=FOUND)
def test_what_was_found_ends_well(tmp_path, case, ending):
    assert read_case(tmp_path / "found.dcm", *case)[0] == ending


@pytest.mark.parametrize("name", seed_names())
def test_a_seed_is_sound(tmp_path, name):
    assert read_case(tmp_path / "seed.dcm", name, "header", []) == ("image", "")


def test_all_phantoms_of_one_window_show_the_same(tmp_path):
    images = []
    for name in SYNTAXES:
        path = tmp_path / name
        path.write_bytes(load_seed(name).file(load_seed(name).content))
        images.append(read_mammogram(path).pixels)
    assert all(np.array_equal(image, images[0]) for image in images)


def test_operations_do_what_their_names_say():
    operations = [("flip", 0, "01"), ("put", 1, "ff"), ("insert", 2, "aabb"), ("remove", 4, "1"), ("cut", 5, "")]
    assert mutate(bytes(8), operations) == bytes([1, 0xFF, 0xAA, 0xBB, 0])


def test_the_same_seed_draws_the_same_files():
    assert fuzz(seed=5, count=40).endings == fuzz(seed=5, count=40).endings


def test_no_mutation_gets_past_the_gate():
    report = fuzz(seed=0, count=600)
    assert sum(report.endings.values()) == 600
    assert report.findings == []
    assert {ending.split(": ")[1] for ending in report.endings} >= {"image", "E_TRUNCATED", "E_NOT_DICOM"}
