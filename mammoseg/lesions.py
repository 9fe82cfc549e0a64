"""From a probability map to separate lesions."""

import numpy as np
from scipy import ndimage

SMALLEST_AREA = 1e-4
"""Fraction of the image below which a region is a speck and is dropped: an eighth of the 5th percentile of real masses
(0.08 % in CBIS-DDSM), and about 7 pixels of a 256 x 256 network grid. A fraction needs no pixel spacing."""

TOUCHING = np.ones((3, 3), bool)
"""Pixels that touch, by a corner too, belong to one lesion."""


def find_lesions(probability: np.ndarray, threshold: float, min_pixels: float | None = None) -> list[np.ndarray]:
    """Split the pixels of at least `threshold` into connected regions, largest first, without specks.

    Args:
        probability: ``(rows, columns)``.
        min_pixels: smallest region that counts; None takes `SMALLEST_AREA` of the image.

    Returns:
        bool ``(rows, columns)`` each.
    """
    labels, count = ndimage.label(probability >= threshold, structure=TOUCHING)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    smallest = SMALLEST_AREA * probability.size if min_pixels is None else min_pixels
    by_size = np.argsort(-areas, kind="stable")
    return [labels == index + 1 for index in by_size if areas[index] >= smallest]


def lesion_name(number: int) -> str:
    """What a lesion is called in every object, picture and table; `number` from 1, largest first."""
    return f"Mass {number}"
