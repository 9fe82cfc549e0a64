"""Hausdorff distances against scipy, on random blobs with unequal pixel sides; by hand: test_scores.py."""

import math

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, gaussian_filter
from scipy.spatial.distance import cdist, directed_hausdorff

from mammoseg.metrics.hausdorff import (
    compute_hausdorff_distance,
    compute_hausdorff_of_points,
    compute_hausdorff_of_rows,
)

SPACING = (0.07, 0.1)
EMPTY = np.zeros((6, 8), bool)
EVERY = [compute_hausdorff_distance, compute_hausdorff_of_points, compute_hausdorff_of_rows]


@pytest.fixture(params=range(3))
def blobs(request):
    """Two smooth random masks (30, 20) with holes and pieces that touch the border."""
    noise = np.random.default_rng(request.param).normal(size=(2, 30, 20))
    return [gaussian_filter(plane, 2) > 0.03 for plane in noise]


def compute_by_scipy(first, second):
    """Larger of both directed distances of two sets of points (n, 2), in mm."""
    distances = cdist(first * SPACING, second * SPACING)
    return max(distances.min(axis=0).max(), distances.min(axis=1).max())


def test_distance_of_outlines_is_that_of_scipy_between_the_pixels_that_an_erosion_takes(blobs):
    outlines = [np.argwhere(blob & ~binary_erosion(blob)) for blob in blobs]  # outside of the image is no mask
    assert compute_hausdorff_distance(*blobs, spacing=SPACING) == pytest.approx(compute_by_scipy(*outlines))


def test_distance_of_points_is_that_of_scipy_between_all_pixels(blobs):
    expected = compute_by_scipy(*map(np.argwhere, blobs))
    assert compute_hausdorff_of_points(*blobs, spacing=SPACING) == pytest.approx(expected)


def test_distance_of_rows_is_that_of_scipy_on_the_matrices(blobs):
    first, second = (blob.astype(float) for blob in blobs)
    expected = max(directed_hausdorff(first, second)[0], directed_hausdorff(second, first)[0])
    assert compute_hausdorff_of_rows(*blobs) == pytest.approx(expected)


@pytest.mark.parametrize("compute", EVERY)
def test_every_distance_is_the_same_both_ways_and_zero_of_a_mask_to_itself(blobs, compute):
    assert compute(*blobs) == compute(*blobs[::-1])
    assert compute(blobs[0], blobs[0]) == 0


@pytest.mark.parametrize("compute", EVERY)
def test_no_truth_has_no_distance(blobs, compute):
    assert math.isnan(compute(~EMPTY, EMPTY)) and math.isnan(compute(EMPTY, EMPTY))


@pytest.mark.parametrize("compute", EVERY[:2])
def test_nothing_predicted_is_the_diagonal_of_the_image_away(compute):
    assert compute(EMPTY, ~EMPTY, spacing=(2.0, 2.0)) == 20  # of 12 and 16
