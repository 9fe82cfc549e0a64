"""The moves of a grid, on arrays small enough to check by hand."""

import numpy as np

from mammoseg.transforms.functional.geometry import (
    Box,
    compute_flip_matrix,
    compute_resize_matrix,
    crop,
    resize,
    uncrop,
)


def test_crop_and_uncrop():
    array = np.arange(12).reshape(1, 3, 4)
    box = Box(top=1, left=2, height=2, width=1)
    assert crop(array, box).tolist() == [[[6], [10]]]
    assert uncrop(crop(array, box), box, (3, 4)).tolist() == [[[0, 0, 0, 0], [0, 0, 6, 0], [0, 0, 10, 0]]]


def test_resize_by_area_is_the_mean_of_the_covered_pixels():
    assert resize(np.array([[[0, 2, 4, 6], [2, 4, 6, 8]]], np.float32), (1, 2), mode="area").tolist() == [[[2, 6]]]


def test_resize_by_nearest_looks_at_pixel_centres():
    assert resize(np.arange(5, dtype=np.float32).reshape(1, 1, 5), (1, 3), mode="nearest").tolist() == [[[0, 2, 4]]]


def test_resize_matrix_maps_pixel_centres():
    # 4 rows to 2: the centre of new row 0 lies between old rows 0 and 1
    assert (compute_resize_matrix((4, 9), (2, 3)) @ [0, 1, 1]).tolist() == [0.5, 4, 1]


def test_flip_matrix_swaps_first_and_last_column():
    assert (compute_flip_matrix(10) @ [3, 0, 1]).tolist() == [3, 9, 1]
