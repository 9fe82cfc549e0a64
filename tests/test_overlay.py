"""The picture of a mammogram with its outlines."""

import cv2
import numpy as np
import pytest

from mammoseg.overlay import OUTLINE_BGR, draw_overlay, write_picture


def is_amber(picture):
    return (picture == OUTLINE_BGR).all(axis=-1)


@pytest.mark.parametrize(
    ("shape", "expected"), [((4096, 3000), (1024, 727)), ((300, 4096), (107, 1024)), ((90, 50), (302, 150))]
)
def test_no_side_is_longer_than_1024(shape, expected):
    assert draw_overlay(np.zeros(shape, np.float32), []).shape == (*expected, 3)


def test_outline_lies_on_the_edge_of_the_lesion():
    lesion = np.zeros((2000, 1500), bool)
    lesion[800:1200, 300:700] = True
    picture = draw_overlay(np.zeros((2000, 1500), np.float32), [lesion])
    rows, columns = np.nonzero(is_amber(picture[:990, :340]))  # left of the number
    scale = 992 / 2000
    assert abs(rows.min() - 800 * scale) <= 2
    assert abs(rows.max() - 1200 * scale) <= 2
    assert abs(columns.min() - 300 * scale) <= 2
    assert not is_amber(picture[450:550, 200:300]).any(), "the inside stays visible"


def test_tiniest_lesion_is_still_drawn():
    lesion = np.zeros((4000, 3000), bool)
    lesion[2000, 100] = True
    picture = draw_overlay(np.zeros((4000, 3000), np.float32), [lesion])
    assert is_amber(picture[490:505, 20:30]).any()


def test_picture_says_that_it_is_not_for_diagnosis():
    picture = draw_overlay(np.zeros((4000, 3000), np.float32), [])
    assert picture[992:].any(axis=-1).sum() > 100
    assert not picture[:992].any()


def test_each_line_of_the_sentence_has_a_strip_of_its_own_below_the_picture():
    picture = draw_overlay(np.zeros((4000, 3000), np.float32), [], sentence="AI\nFilm only")
    assert picture.shape[0] == 1024
    assert picture[960:992].any() and picture[992:].any()
    assert not picture[:960].any()


@pytest.mark.parametrize("value", [0, 4095])
def test_flat_image_gives_a_finite_picture(value):
    assert draw_overlay(np.full((40, 30), value, np.float32), []).dtype == np.uint8


def test_picture_is_read_back_identical(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    write_picture(picture, tmp_path / "new" / "a.png")
    assert np.array_equal(cv2.imread(str(tmp_path / "new" / "a.png")), picture)
