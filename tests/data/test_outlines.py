"""Outlines of people as masks, against the path of matplotlib."""

import numpy as np
import pytest
from matplotlib.path import Path as Polygon

from mammoseg.data.outlines import MOST_CORNERS, fill_polygon
from mammoseg.errors import InputRefusedError


def test_a_triangle_encloses_the_centres_that_matplotlib_says():
    points = np.array([[-2.3, 1.2], [17.6, 4.1], [6.4, 22.7]])  # x, y; leaves the grid on the left and below
    rows, columns = np.mgrid[:20, :18]
    expected = Polygon(points).contains_points(np.stack([columns.ravel(), rows.ravel()], axis=1)).reshape(20, 18)
    mask = fill_polygon(points, (20, 18))
    assert mask.dtype == np.uint8 and expected.sum() > 100
    np.testing.assert_array_equal(mask, expected)


def test_x_comes_before_y():
    square = np.array([[2.5, 0.5], [5.5, 0.5], [5.5, 2.5], [2.5, 2.5]])
    assert np.argwhere(fill_polygon(square, (4, 8))).tolist() == [[1, 3], [1, 4], [1, 5], [2, 3], [2, 4], [2, 5]]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_points_enclose_nothing(count):
    assert not fill_polygon(np.array([[1.0, 1.0], [3.0, 3.0]])[:count].reshape(-1, 2), (5, 5)).any()


def test_more_corners_than_anybody_draws_are_refused():
    with pytest.raises(InputRefusedError, match="E_CONTOURS: a region has 10001 points, at most 10000 are read"):
        fill_polygon(np.zeros((MOST_CORNERS + 1, 2)), (5, 5))
