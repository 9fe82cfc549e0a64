"""The four moves that everything geometric is made of, each with its way back and its matrix.

Arrays are ``(channels, rows, columns)``. A matrix maps ``(row, column, 1)`` of the new grid to the old one, with
pixel centres at whole numbers.
"""

from math import ceil, floor
from typing import NamedTuple

import cv2
import numpy as np

INTERPOLATIONS = {"nearest": cv2.INTER_NEAREST_EXACT, "bilinear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}
"""Names as MONAI writes them. NEAREST_EXACT looks at pixel centres; plain NEAREST of OpenCV is half a pixel off."""


class Box(NamedTuple):
    """A rectangle of whole pixels."""

    top: int
    left: int
    height: int
    width: int


def make_box(top: float, left: float, bottom: float, right: float) -> Box:
    """The whole pixels that a rectangle touches; `bottom` and `right` are exclusive.

    Examples:
        >>> from mammoseg.transforms.functional.geometry import make_box
        >>> make_box(10, 20.5, 30, 40.2)
        Box(top=10, left=20, height=20, width=21)
    """
    first_row, first_column = floor(top), floor(left)
    return Box(first_row, first_column, ceil(bottom) - first_row, ceil(right) - first_column)


def crop(array: np.ndarray, box: Box) -> np.ndarray:
    """Cut `box` out of an array ``(channels, rows, columns)``; a view, nothing is copied."""
    return array[:, box.top : box.top + box.height, box.left : box.left + box.width]


def uncrop(array: np.ndarray, box: Box, size: tuple[int, int], *, fill: float = 0.0) -> np.ndarray:
    """Put what `crop` cut out back into a grid of `size` (rows, columns); the rest is `fill`."""
    whole = np.zeros((len(array), *size), array.dtype)  # memory that nobody writes to costs no time
    if fill:
        whole.fill(fill)
    crop(whole, box)[...] = array
    return whole


def resize(array: np.ndarray, size: tuple[int, int], *, mode: str) -> np.ndarray:
    """Resample to `size` (rows, columns).

    Args:
        array: ``(channels, rows, columns)``.
        size: new rows and columns.
        mode: ``"area"`` (mean of the covered area where it shrinks, bilinear where not), ``"bilinear"``, ``"nearest"``.
    """
    if array.shape[1:] == tuple(size):
        return np.ascontiguousarray(array)
    shrinks = size[0] <= array.shape[1] and size[1] <= array.shape[2]
    flag = INTERPOLATIONS["bilinear" if mode == "area" and not shrinks else mode]
    return np.stack([cv2.resize(channel, (size[1], size[0]), interpolation=flag) for channel in array])


def compute_crop_matrix(box: Box) -> np.ndarray:
    """Matrix ``(3, 3)`` of `crop`."""
    return np.array([[1.0, 0, box.top], [0, 1, box.left], [0, 0, 1]])


def compute_flip_matrix(width: int) -> np.ndarray:
    """Matrix ``(3, 3)`` of a flip of the columns."""
    return np.array([[1.0, 0, 0], [0, -1, width - 1], [0, 0, 1]])


def compute_resize_matrix(old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Matrix ``(3, 3)`` of `resize`; the outer edges of both grids coincide."""
    rows, columns = old[0] / new[0], old[1] / new[1]
    return np.array([[rows, 0, (rows - 1) / 2], [0, columns, (columns - 1) / 2], [0, 0, 1]])
