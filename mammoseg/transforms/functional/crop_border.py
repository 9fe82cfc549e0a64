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

GLOW = 0.05
"""At the upper and lower end all lines go until their median is within this fraction of the range of that at the inner
end of the zone: a frame may slant, and its light spreads. At the sides nothing more goes, the chest wall lies there."""

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
    glow = GLOW * (high - low)
    top = _measure_whole_depth(image[:deep, ::step_right], white=white, glow=glow)
    bottom = _measure_whole_depth(image[rows - deep :, ::step_right][::-1], white=white, glow=glow)
    left = _measure_depth(image[::step_down, :wide].T > white)
    right = _measure_depth(image[::step_down, columns - wide :].T[::-1] > white)
    return Box(top, left, rows - top - bottom, columns - left - right)


def crop_border(image: np.ndarray) -> np.ndarray:
    """Cut the white borders off an image ``(rows, columns)``."""
    box = find_border_box(image)
    return image[box.top : box.top + box.height, box.left : box.left + box.width]


def _measure_whole_depth(lines: np.ndarray, *, white: float, glow: float) -> int:
    """The same with the lines that the border slants or shines into."""
    depth = _measure_depth(lines > white)
    if depth == 0:
        return 0
    medians = np.median(lines[depth:], axis=1)
    return depth + int(np.argmax(medians <= medians[-1] + glow))


def _measure_depth(white: np.ndarray) -> int:
    """Lines up to and with the last border line; line 0 is the outermost, the last one is the inner end of the zone."""
    fractions = white.mean(axis=1)
    lines = np.flatnonzero(fractions[:-1] >= BORDER_FRACTION)
    return int(lines[-1]) + 1 if len(lines) and fractions[-1] <= TISSUE_FRACTION else 0
