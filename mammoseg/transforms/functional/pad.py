"""Pad to a grid: the image stays at the top left, where the chest wall of an oriented breast is."""

import numpy as np

from mammoseg.transforms.functional.geometry import Box, uncrop


def pad(array: np.ndarray, size: tuple[int, int], *, fill: float) -> np.ndarray:
    """Pad ``(channels, rows, columns)`` at the bottom and the right to `size` (rows, columns).

    Raises:
        ValueError: `size` is smaller than the array.
    """
    rows, columns = array.shape[1:]
    if size[0] < rows or size[1] < columns:
        raise ValueError(f"image is {rows} x {columns}, it cannot be padded to {size[0]} x {size[1]}; resize it first.")
    return uncrop(array, Box(0, 0, rows, columns), size, fill=fill)
