"""Uncertainty of a probability map: the entropy of each pixel, and what is made of it for the whole image.

With two classes entropy, margin and least confidence order pixels alike, so there is one score; what differs is the
pixels it is averaged over.
"""

import cv2
import numpy as np
from scipy.special import entr

from mammoseg.transforms.functional.breast import find_breast_mask

TOP_FRACTION = 0.01
"""Part of the breast's pixels that the top is; a mass covers about as much."""

OUTLINE_WIDTH = 2
"""Pixels of the network's grid on either side of the predicted outline that its band reaches to."""


def compute_binary_entropy(probability: np.ndarray) -> np.ndarray:
    """Entropy in bits of each pixel's mass probability: 0 where it is 0 or 1, 1 where it is 0.5; any shape."""
    return (entr(probability) + entr(1 - probability)) / np.log(2)


def find_breast_region(image: np.ndarray) -> np.ndarray:
    """Where the breast is in an image ``(rows, columns)``, bool of the same shape; all of it where none is found."""
    mask = find_breast_mask(image).astype(np.uint8)
    return cv2.resize(mask, image.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT).astype(bool)


def find_outline_band(probability: np.ndarray, *, threshold: float = 0.5, width: int = OUTLINE_WIDTH) -> np.ndarray:
    """Pixels at most `width` from the border of what is predicted, on either side: bool ``(rows, columns)``.

    Where no pixel reaches the threshold, half of the highest probability takes its place: the outline is then that of
    the most suspicious region.
    """
    highest = float(probability.max())
    level = threshold if highest >= threshold else highest / 2
    predicted = ((probability >= level) & (probability > 0)).astype(np.uint8)
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    return cv2.dilate(predicted, square) > cv2.erode(predicted, square)


def compute_region_mean(values: np.ndarray, region: np.ndarray) -> float:
    """Mean of `values` ``(rows, columns)`` where `region`, of the same shape, is True; 0 where it is nowhere."""
    return float(values[region].mean()) if region.any() else 0.0


def compute_top_mean(values: np.ndarray, region: np.ndarray, *, fraction: float = TOP_FRACTION) -> float:
    """Mean of the highest `fraction` of `values` ``(rows, columns)`` in `region`, at least of one; 0 if it is empty."""
    inside = values[region]
    if not inside.size:
        return 0.0
    count = max(1, round(fraction * inside.size))
    return float(np.partition(inside, -count)[-count:].mean())
