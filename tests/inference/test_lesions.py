"""A probability map becomes lesions: threshold, least area, padding, breast, and too large ones."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.data.mammogram import read_mammogram
from mammoseg.errors import InputRefusedError
from mammoseg.inference.lesions import LARGEST_SHARE, find_masses
from mammoseg.mammogram import Mammogram
from mammoseg.transforms.functional.breast import find_recorded_breast

ROWS, COLUMNS = 100, 80


def made_mammogram(*, padding: np.ndarray | None = None) -> Mammogram:
    """A breast of 100 x 40 pixels at the left, black at the right, and a bright film label in the black."""
    pixels = np.zeros((ROWS, COLUMNS), np.float32)
    pixels[:, :40] = 800
    pixels[10:14, 70:74] = 4000
    return Mammogram(pixels, None, None, (0.1, 0.1), "ImagerPixelSpacing", None, (0, 4095), Path("a"), padding=padding)


def certain(*boxes: tuple[slice, slice]) -> np.ndarray:
    probability = np.full((ROWS, COLUMNS), 0.1, np.float32)
    for box in boxes:
        probability[box] = 0.9
    return probability


def find(probability: np.ndarray) -> list[np.ndarray]:
    return find_masses(probability, made_mammogram(), threshold=0.5).lesions


def test_threshold_itself_is_mass():
    probability = np.zeros((ROWS, COLUMNS))
    probability[4, 5:7] = 0.5, 0.49
    (lesion,) = find(probability)
    assert np.argwhere(lesion).tolist() == [[4, 5]]


def test_lesions_come_largest_first():
    assert [lesion.sum() for lesion in find(certain(np.s_[0:2, 0:2], np.s_[10:14, 10:14]))] == [16, 4]


def test_corners_that_touch_make_one_lesion():
    probability = np.zeros((ROWS, COLUMNS))
    probability[:20, :20] = np.eye(20)
    assert len(find(probability)) == 1


def test_specks_are_dropped():
    mammogram = replace(made_mammogram(), pixels=np.kron(made_mammogram().pixels, np.ones((2, 2))))
    probability = np.zeros((200, 160))  # 32,000 pixels: the smallest lesion has 4
    probability[10, 10:14] = 1
    probability[20, 10:13] = 1
    (lesion,) = find_masses(probability, mammogram, threshold=0.5).lesions
    assert lesion.sum() == 4


def test_nothing_above_the_threshold_is_no_lesion():
    assert find(np.full((ROWS, COLUMNS), 0.4)) == []


def test_mass_in_the_black_beside_the_breast_is_none():
    found = find_masses(certain(np.s_[20:30, 10:20], np.s_[8:16, 68:76]), made_mammogram(), threshold=0.5)
    (lesion,) = found.lesions
    assert np.argwhere(lesion).min(axis=0).tolist() == [20, 10]
    assert lesion.sum() == 100
    assert found.probability[:, 50:].max() == 0
    assert found.probability[0, 0] == np.float32(0.1)


def test_a_mass_ends_where_the_breast_ends():
    (lesion,) = find_masses(certain(np.s_[20:30, 30:60]), made_mammogram(), threshold=0.5).lesions
    assert 39 <= np.argwhere(lesion)[:, 1].max() < 44, "the edge of the breast, and its rim"


def test_padding_is_no_mass_and_no_breast():
    padding = np.zeros((ROWS, COLUMNS), bool)
    padding[:, :5] = True
    mammogram = made_mammogram(padding=padding)
    (lesion,) = find_masses(certain(np.s_[20:30, 0:20]), mammogram, threshold=0.5).lesions
    assert lesion.sum() == 10 * 15
    assert find_recorded_breast(mammogram).sum() == find_recorded_breast(made_mammogram()).sum() - 5 * ROWS


def test_masses_that_cover_more_of_the_breast_than_any_do_are_refused():
    breast = int(find_recorded_breast(made_mammogram()).sum())
    rows = int(LARGEST_SHARE * breast / 40)  # of 40 pixels each
    assert find_masses(certain(np.s_[:rows, :40]), made_mammogram(), threshold=0.5).lesions[0].sum() == 40 * rows
    with pytest.raises(
        InputRefusedError, match="E_TOO_LARGE: 2[1-3]% of the breast is called mass, which no film has; raise the"
    ):
        find_masses(certain(np.s_[: rows + 1, :40]), made_mammogram(), threshold=0.5)


def test_the_share_is_that_of_all_masses_together():
    halves = certain(np.s_[:12, :40], np.s_[50:62, :40])
    with pytest.raises(InputRefusedError, match="E_TOO_LARGE"):
        find_masses(halves, made_mammogram(), threshold=0.5)


def test_smallest_area_in_mm2_is_that_of_the_pixels_in_the_breast():
    boxes = certain(np.s_[20:30, 10:20], np.s_[60:65, 10:20])  # 1 and 0.5 mm2
    for smallest, count in ((0.4, 2), (0.6, 1), (1.1, 0)):
        assert len(find_masses(boxes, made_mammogram(), threshold=0.5, min_area_mm2=smallest).lesions) == count


def test_the_least_area_of_the_weights_counts_where_a_pixel_has_a_size_and_nobody_asks_for_another():
    boxes = certain(np.s_[20:30, 10:20], np.s_[60:65, 10:20])  # 1 and 0.5 mm2

    def count(mammogram, **asked):
        return len(find_masses(boxes, mammogram, threshold=0.5, least_area_mm2=0.6, **asked).lesions)

    assert count(made_mammogram()) == 1
    assert count(replace(made_mammogram(), pixel_spacing_mm=None)) == 2
    assert count(made_mammogram(), min_area_mm2=0.4) == count(made_mammogram(), min_area_pixels=10) == 2


@pytest.mark.parametrize(
    ("asked", "left_out"),
    [
        ({}, None),
        ({"least_area_mm2": 0.6}, "1 region under 0.6 mm2, the least area of the weights"),
        ({"min_area_mm2": 1.1}, "2 regions under 1.1 mm2, as asked for"),
        ({"min_area_pixels": 60, "least_area_mm2": 5}, "1 region under 60 pixels, as asked for"),
    ],
)
def test_regions_that_are_too_small_are_counted_and_the_rule_is_named(asked, left_out):
    boxes = certain(np.s_[20:30, 10:20], np.s_[60:65, 10:20])  # 1 and 0.5 mm2
    assert find_masses(boxes, made_mammogram(), threshold=0.5, **asked).left_out == left_out


def test_a_speck_is_counted_too():
    mammogram = replace(made_mammogram(), pixels=np.kron(made_mammogram().pixels, np.ones((4, 4))))  # 12.8 pixels
    probability = np.zeros((400, 320), np.float32)
    probability[200, 40:50] = 0.9
    found = find_masses(probability, mammogram, threshold=0.5, least_area_mm2=0.01)
    assert (found.lesions, found.left_out) == ([], "1 region under 0.01% of the image")


@pytest.mark.slow  # reads 1,231 films
def test_the_largest_share_is_that_of_999_films_of_1000(shared_data):
    shares = []
    for path in sorted((shared_data / "cbis_ddsm" / "images").iterdir()):
        mass = cv2.imread(str(path.parents[1] / "masks" / path.name), cv2.IMREAD_UNCHANGED) > 0
        breast = find_recorded_breast(read_mammogram(path))
        shares.append((mass & breast).sum() / breast.sum())
    assert len(shares) == 1231
    assert np.quantile(shares, 0.999) == pytest.approx(LARGEST_SHARE, abs=5e-4)
