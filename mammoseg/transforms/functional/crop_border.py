"""Crop white film borders: the frame of light that a scanner leaves around a film."""

import numpy as np

from mammoseg.transforms.functional.geometry import Box

BORDER_ZONE = 0.02
"""Fraction of each side in which a border may lie; nothing further inside is ever cut."""

WHITE = 0.9
"""Fraction of the way from the darkest to the brightest value above which a pixel counts as white."""

BORDER_FRACTION = 0.9
"""Fraction of a row or column that must be white to make it border."""

TISSUE_FRACTION = 0.3
"""If more than this fraction of the line at the inner end of the zone is white, the white is dense tissue that runs on
inwards: nothing is cut."""

SAMPLES = 512
"""Pixels of a row or column that are looked at."""


def find_border_box(image: np.ndarray) -> Box:
    """Box inside the white borders of an image ``(rows, columns)``.

    On each side everything up to the last white line of the border zone goes, so that a dark line outside a white one
    goes too.
    """
    rows, columns = image.shape
    step_down, step_right = max(1, rows // SAMPLES), max(1, columns // SAMPLES)
    coarse = image[::step_down, ::step_right]
    low, high = float(coarse.min()), float(coarse.max())
    white = low + WHITE * (high - low)
    if low == high:
        return Box(0, 0, rows, columns)
    deep, wide = 1 + int(rows * BORDER_ZONE), 1 + int(columns * BORDER_ZONE)
    top = _measure_depth(image[:deep, ::step_right] > white)
    bottom = _measure_depth(image[rows - deep :, ::step_right][::-1] > white)
    left = _measure_depth(image[::step_down, :wide].T > white)
    right = _measure_depth(image[::step_down, columns - wide :].T[::-1] > white)
    return Box(top, left, rows - top - bottom, columns - left - right)


def crop_border(image: np.ndarray) -> np.ndarray:
    """Cut the white borders off an image ``(rows, columns)``."""
    box = find_border_box(image)
    return image[box.top : box.top + box.height, box.left : box.left + box.width]


def _measure_depth(white: np.ndarray) -> int:
    """Lines up to and with the last border line; line 0 is the outermost, the last one is the inner end of the zone."""
    fractions = white.mean(axis=1)
    lines = np.flatnonzero(fractions[:-1] >= BORDER_FRACTION)
    return int(lines[-1]) + 1 if len(lines) and fractions[-1] <= TISSUE_FRACTION else 0
