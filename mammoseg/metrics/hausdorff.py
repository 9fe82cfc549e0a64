"""Symmetric Hausdorff distance between the outlines of two masks."""

import math

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from mammoseg.metrics.masks import as_mask_pair

FOUR_NEIGHBOURS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def compute_hausdorff_distance(
    prediction: ArrayLike, target: ArrayLike, *, spacing: tuple[float, float] = (1.0, 1.0)
) -> float:
    """Largest of the Euclidean distances from a point of one outline to the nearest point of the other, both ways.

    The outline is every mask pixel with a 4-neighbour outside the mask (or outside the image), the same definition as
    ``monai.metrics.compute_hausdorff_distance``, found without a distance map of the whole mammogram.

    Args:
        prediction: mask (H, W).
        target: the truth, mask (H, W).
        spacing: size of a pixel (row, column); the result has its unit. Without it the unit is the pixel of this grid.

    Returns:
        The distance; NaN when the truth is empty; the diagonal of the image when only the prediction is empty.
    """
    predicted, true = as_mask_pair(prediction, target)
    if not true.any():
        return math.nan
    if not predicted.any():
        return math.hypot(true.shape[0] * spacing[0], true.shape[1] * spacing[1])
    predicted_outline, true_outline = _outline(predicted) * spacing, _outline(true) * spacing
    return max(_directed(predicted_outline, true_outline), _directed(true_outline, predicted_outline))


def _outline(mask: np.ndarray) -> np.ndarray:
    """Indices (points, 2), row and column from 0, of the pixels on the edge of a bool mask (H, W)."""
    filled = mask.astype(np.uint8)
    inside = cv2.erode(filled, FOUR_NEIGHBOURS, borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    return np.argwhere(filled > inside)


def _directed(points: np.ndarray, others: np.ndarray) -> float:
    return float(cKDTree(others).query(points)[0].max())
