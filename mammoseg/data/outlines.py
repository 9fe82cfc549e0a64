"""Outlines that people drew, as masks."""

import numpy as np
from skimage.draw import polygon

from mammoseg.errors import InputRefusedError

MOST_CORNERS = 10_000
"""Of a region that is filled, since its time grows with points times pixels; real ones have hundreds."""


def fill_polygon(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Mask uint8 0 / 1 of the pixels whose centres a polygon encloses; none with fewer than three points.

    Args:
        points: ``(n, 2)``, x and y in pixels; the centre of the upper left pixel is (0, 0).
        shape: rows and columns of the mask; what lies beyond is cut.
    Raises:
        InputRefusedError: ``E_CONTOURS``, it has more than `MOST_CORNERS`.
    """
    if len(points) > MOST_CORNERS:
        reason = f"a region has {len(points)} points, at most {MOST_CORNERS} are read."
        raise InputRefusedError("E_CONTOURS", reason)
    mask = np.zeros(shape, np.uint8)
    if len(points) > 2:
        mask[polygon(points[:, 1], points[:, 0], shape)] = 1
    return mask
