"""Regions small enough to count by hand."""

import numpy as np

from mammoseg.metrics import count_pixels_and_masses
from mammoseg.metrics.froc import find_lesions_by_marks
from mammoseg.metrics.regions import find_connected_regions, list_mass_regions


def mask(rows: slice, columns: slice) -> np.ndarray:
    pixels = np.zeros((64, 64), bool)
    pixels[rows, columns] = True
    return pixels


LEFT, RIGHT = mask(slice(10, 20), slice(10, 20)), mask(slice(10, 20), slice(20, 30))  # touching, 100 pixels each


def test_common_pixels_of_two_regions_are_those_of_their_masks():
    (left,), (across,) = find_connected_regions(LEFT), find_connected_regions(mask(slice(15, 40), slice(18, 25)))
    assert left.count_common(across) == 5 * 2 and across.count_common(left) == 10
    assert left.count_common(find_connected_regions(RIGHT)[0]) == 0


def test_a_mass_of_two_pieces_is_one_region_and_an_empty_mask_none():
    pieces = LEFT | mask(slice(40, 42), slice(40, 42))
    assert [region.area for region in list_mass_regions([pieces, np.zeros((64, 64), bool)])] == [104]


def test_two_masses_that_touch_are_found_one_by_one():
    probability = np.where(LEFT, 0.9, 0.0)
    as_one = find_lesions_by_marks(probability, LEFT | RIGHT)["iou"]
    one_by_one = find_lesions_by_marks(probability, LEFT | RIGHT, lesions=list_mass_regions([LEFT, RIGHT]))["iou"]

    assert as_one.lesions == (0.9,)  # 100 of 200 pixels
    assert one_by_one.lesions == (0.9, -np.inf) and one_by_one.false == ()


def test_the_one_of_two_masses_that_touch_is_missed_that_has_no_predicted_pixel():
    counted = count_pixels_and_masses(LEFT, LEFT | RIGHT, lesions=list_mass_regions([LEFT, RIGHT]))
    assert counted == {"predicted_px": 100, "truth_px": 200, "common_px": 100, "masses": 2, "missed_masses": 1}
    assert count_pixels_and_masses(LEFT, LEFT | RIGHT)["masses"] == 1
