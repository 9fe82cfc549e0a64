"""Which values of a mask are mass, on masks small enough to see."""

import numpy as np
import pytest

from mammoseg.errors import InputRefusedError
from mammoseg.mask_values import GREY_RIMS, find_mass


@pytest.mark.parametrize("value", [1, 2, 255, 65535])
def test_every_value_but_zero_is_mass(value):
    values = np.array([[0, value], [value, 0]], np.uint16)
    mass, remarks = find_mass(values)
    assert (mass.tolist(), mass.dtype, remarks) == ([[0, 1], [1, 0]], np.uint8, [])


def test_numbers_of_several_masses_are_all_mass():
    mass, remarks = find_mass(np.array([[0, 1, 2, 16]]))
    assert (mass.tolist(), remarks) == ([[0, 1, 1, 1]], [])


def test_fractions_are_cut_above_half_of_the_largest():
    mass, remarks = find_mass(np.array([[0, 0.2, 0.4, 0.5, 0.8]]))
    assert (mass.tolist(), remarks) == ([[0, 0, 0, 1, 1]], [GREY_RIMS])


def test_what_jpeg_left_around_zero_and_white_is_cut_at_half():
    mass, remarks = find_mass(np.array([[3, 1, 0, 252, 255]], np.uint8), is_lossy=True)
    assert (mass.tolist(), remarks) == ([[0, 0, 0, 1, 1]], [GREY_RIMS])


def test_a_rim_of_smoothing_is_cut_and_an_area_of_grey_is_another_mass():
    smoothed = np.zeros((12, 12), np.uint8)
    smoothed[2:10, 2:10] = 90  # a rim of one pixel
    smoothed[3:9, 3:9] = 255
    mass, remarks = find_mass(smoothed)
    assert (np.count_nonzero(mass), remarks) == (36, [GREY_RIMS])
    areas = np.zeros((12, 12), np.uint8)
    areas[1:6, 1:6], areas[7:11, 7:11] = 90, 255
    mass, remarks = find_mass(areas)
    assert (np.count_nonzero(mass), remarks) == (25 + 16, [])


def test_an_empty_mask_has_no_mass():
    assert not find_mass(np.zeros((2, 3), np.uint8))[0].any()


def test_negative_values_are_refused():
    with pytest.raises(InputRefusedError, match="E_MASK_VALUES: the mask holds negative values"):
        find_mass(np.array([[-1, 0, 1]]))
