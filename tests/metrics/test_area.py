"""Areas of two masks, counted by hand."""

import math

import numpy as np
import pytest

from mammoseg.metrics.area import compute_false_positive_area, compute_relative_area_difference


def make_mask(pixels):
    """`pixels` of 20, from the first on, as (4, 5)."""
    return (np.arange(20) < pixels).reshape(4, 5)


@pytest.mark.parametrize(
    ("predicted", "true", "expected"), [(4, 4, 0), (0, 4, 1), (8, 4, 1), (2, 8, 0.75), (8, 2, 3), (3, 4, 0.25)]
)
def test_relative_area_difference_is_a_fraction_of_the_true_area(predicted, true, expected):
    assert compute_relative_area_difference(make_mask(predicted), make_mask(true)) == expected


def test_relative_area_difference_looks_at_sizes_and_not_at_places():
    assert compute_relative_area_difference(make_mask(10), ~make_mask(10)) == 0


@pytest.mark.parametrize("predicted", [0, 3])
def test_relative_area_difference_of_an_empty_truth_is_nan(predicted):
    assert math.isnan(compute_relative_area_difference(make_mask(predicted), make_mask(0)))


@pytest.mark.parametrize("predicted", [0, 7, 20])
def test_false_positive_area_is_every_pixel_predicted_where_there_is_no_mass(predicted):
    assert compute_false_positive_area(make_mask(predicted), make_mask(0)) == predicted


def test_false_positive_area_is_nan_where_there_is_a_mass():
    assert math.isnan(compute_false_positive_area(make_mask(7), make_mask(1)))
