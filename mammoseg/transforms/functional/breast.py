"""Where the breast is: the one rule that crop, background removal, orientation and results share."""

import cv2
import numpy as np

from mammoseg.mammogram import Mammogram
from mammoseg.transforms.functional.geometry import Box

SEARCH_SIZE = 512
"""Longest side in pixels of the grid on which the breast is searched; its edge is known to one such pixel."""

BREAST_THRESHOLD = 0.05
"""Fraction of the way from the background to the brightest tissue above which a pixel counts as breast."""

OPENING = 1 / 56
"""Side of the square that cuts thin bridges between breast and film label, as a fraction of the longest side."""


def find_breast_mask(image: np.ndarray) -> np.ndarray:
    """Largest bright component of a mammogram, holes filled: bool, on the search grid.

    Background is the darkest twentieth of the image, tissue the brightest hundredth. A constant image has no breast;
    its mask is all True, so that nothing is taken away from it.

    Args:
        image: ``(rows, columns)``, dense tissue bright.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.transforms.functional.breast import find_breast_mask
        >>> image = np.zeros((100, 80), np.float32)
        >>> image[20:80, :40] = 1000  # the breast
        >>> image[5:8, 70:75] = 4000  # a film label
        >>> mask = find_breast_mask(image)
        >>> bool(mask[50, 20]), bool(mask[6, 72])
        (True, False)
    """
    small = _shrink_for_search(image)
    background, tissue = np.percentile(small, (5, 99))
    bright = (small > background + BREAST_THRESHOLD * (tissue - background)).astype(np.uint8)
    square = np.ones([2 * round(OPENING * max(small.shape) / 2) + 1] * 2, np.uint8)
    opened = cv2.morphologyEx(bright, cv2.MORPH_OPEN, square)
    count, components, statistics, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    if count == 1:
        return np.ones(small.shape, bool)
    largest = (components == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    generous = cv2.dilate(largest, square)
    outlines, _ = cv2.findContours(generous, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(generous, outlines, -1, (1,), cv2.FILLED).astype(bool)


def find_breast_on_grid(image: np.ndarray) -> np.ndarray:
    """`find_breast_mask`, bool on the grid ``(rows, columns)`` of the image; a search pixel is never half inside."""
    mask = find_breast_mask(image).view(np.uint8)
    size = image.shape[1], image.shape[0]
    return cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT).view(bool)


def find_recorded_breast(mammogram: Mammogram) -> np.ndarray:
    """Where a mass can be: bool ``(rows, columns)``, the breast without what the file calls padding."""
    breast = find_breast_on_grid(mammogram.pixels)
    return breast if mammogram.padding is None else breast & ~mammogram.padding


def find_bounding_box(mask: np.ndarray, size: tuple[int, int]) -> Box:
    """Smallest box of a grid of `size` (rows, columns) that covers all of `mask`, which may lie on a coarser grid."""
    top, bottom = _find_span(mask.any(axis=1), size[0])
    left, right = _find_span(mask.any(axis=0), size[1])
    return Box(top, left, bottom - top, right - left)


def _find_span(filled: np.ndarray, length: int) -> tuple[int, int]:
    where = np.flatnonzero(filled)
    step = length / len(filled)
    return int(np.floor(where[0] * step)), min(length, int(np.ceil((where[-1] + 1) * step)))


def _shrink_for_search(image: np.ndarray) -> np.ndarray:
    scale = min(1.0, SEARCH_SIZE / max(image.shape))
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
