"""Where a network that takes prompts looks: a square of the image, chosen from prompts, on the network's grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mammoseg.interactive.prompts import Prompts
from mammoseg.transforms.functional.breast import find_bounding_box, find_breast_mask

FIRST_LOOK = 0.28
"""Side of the square around clicks alone, as a share of the height of the breast: the largest masses but a few fit."""

AROUND = 2.0
"""Side of the square around a box or a mask so far, in longest sides of it."""

SMALLEST = 0.08
"""Least side of a square, as a share of the height of the breast; a mass of 4 mm fills a quarter of it."""


@dataclass(frozen=True)
class CropView:
    """A part of an image on a square grid; a pixel of the grid is at ``centre + axes @ (pixel - (grid - 1) / 2)``.

    Attributes:
        centre: (2,) row and column of the image.
        axes: (2, 2) what a step along the rows and along the columns of the grid is in rows and columns of the image.
        grid: pixels of a side.
    """

    centre: np.ndarray
    axes: np.ndarray
    grid: int

    @property
    def scale(self) -> float:
        """Pixels of the image along a pixel of the grid."""
        return float(np.sqrt(abs(np.linalg.det(self.axes))))

    def cut(self, image: np.ndarray) -> np.ndarray:
        """(grid, grid) float32 out of an image ``(rows, columns)``, bilinear, 0 outside of it."""
        return cv2.warpAffine(
            image, self._compute_matrix(), (self.grid, self.grid), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )

    def move_back(self, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """(rows, columns) float32 on the grid of the image out of `values` ``(grid, grid)``, 0 outside of the view."""
        return cv2.warpAffine(values, self._compute_matrix(), (shape[1], shape[0]), flags=cv2.INTER_LINEAR)

    def to_grid(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) rows and columns of the grid of points ``(N, 2)`` of the image."""
        return (points - self.centre) @ np.linalg.inv(self.axes).T + (self.grid - 1) / 2

    def shift(self, offset: np.ndarray) -> "CropView":
        """The same view of a larger image, whose pixel `offset` (2,) is the first of this one."""
        return CropView(self.centre + offset, self.axes, self.grid)

    def _compute_matrix(self) -> np.ndarray:
        """OpenCV's (2, 3), in x and y, from the grid to the image."""
        offset = self.centre - self.axes @ np.full(2, (self.grid - 1) / 2)
        return np.column_stack([self.axes, offset])[::-1][:, [1, 0, 2]]


def build_levels(image: np.ndarray, count: int) -> list[np.ndarray]:
    """An image ``(rows, columns)`` as float32, and what is left of it when its sides are halved, again and again."""
    found = [np.ascontiguousarray(image, np.float32)]
    while len(found) < count and min(found[-1].shape) >= 2:
        rows, columns = (side // 2 for side in found[-1].shape)
        even = found[-1][: 2 * rows, : 2 * columns]
        found.append(np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), np.float32))
    return found


def cut(levels: Sequence[np.ndarray], view: CropView) -> np.ndarray:
    """(grid, grid) what a view of an image shows, from that of its `build_levels` which skips no pixel."""
    level = min(max(0, int(np.log2(max(view.scale, 1.0)))), len(levels) - 1)
    step = 2.0**level
    return CropView((view.centre - (step - 1) / 2) / step, view.axes / step, view.grid).cut(levels[level])


def measure_breast_height(image: np.ndarray) -> float:
    """Height of the breast in an image ``(rows, columns)``, dense tissue bright, in its pixels."""
    rows, columns = image.shape
    return float(find_bounding_box(find_breast_mask(image), (rows, columns)).height)


def make_square(centre: np.ndarray, side: float, *, grid: int) -> CropView:
    """The upright view of a square of `side` pixels around `centre` (row, column) of an image."""
    return CropView(np.asarray(centre, float), np.eye(2) * side / grid, grid)


def find_window(views: Sequence[CropView], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of an image of `shape` (rows, columns) that upright views show, at least a pixel of it.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.interactive.view import make_square, find_window
        >>> find_window([make_square(np.array([5, 20]), 16, grid=8)], (40, 30))
        (slice(0, 14, None), slice(12, 29, None))
    """
    corners = np.concatenate([view.centre + np.array([[-1], [1]]) * view.scale * view.grid / 2 for view in views])
    low = np.clip(np.floor(corners.min(0)), 0, np.array(shape) - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 1, low + 1, shape).astype(int)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def choose_square(prompts: Prompts, *, breast_height: float) -> tuple[np.ndarray, float]:
    """Centre (row, column) and side, in pixels, of the square that prompts are answered in.

    A box or a mask so far, with the marks inside, is shown `AROUND` times as large; clicks and strokes alone in
    `FIRST_LOOK`, or more where they are far apart.
    """
    marks = prompts.list_marks_inside()
    corners = [marks]
    if prompts.box:
        corners.append(np.array(prompts.box).reshape(2, 2) - [[0, 0], [1, 1]])
    if prompts.mask is not None and prompts.mask.any():
        rows, columns = np.flatnonzero(prompts.mask.any(1)), np.flatnonzero(prompts.mask.any(0))
        corners.append(np.array([[rows[0], columns[0]], [rows[-1], columns[-1]]]))
    points = np.concatenate(corners)
    low, high = points.min(0), points.max(0)
    side = AROUND * (float((high - low).max()) + 1)
    least = SMALLEST if len(corners) > 1 else FIRST_LOOK
    return (low + high) / 2, max(side, least * breast_height)
