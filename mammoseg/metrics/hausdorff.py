"""Symmetric Hausdorff distances of two masks: of outlines, of all points, and of the rows of their matrices."""

import math

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree
from scipy.spatial.distance import directed_hausdorff

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
    return max(_compute_directed(predicted_outline, true_outline), _compute_directed(true_outline, predicted_outline))


def compute_hausdorff_of_points(
    prediction: ArrayLike, target: ArrayLike, *, spacing: tuple[float, float] = (1.0, 1.0)
) -> float:
    """Largest of the Euclidean distances from a pixel of one mask to the nearest of the other, both ways.

    Formula 13 of Sarker et al. 2022. A pixel in both masks is at no distance, so a hole counts by its middle, which
    `compute_hausdorff_distance`, of outlines, does not see.

    Args:
        prediction: mask (H, W).
        target: the truth, mask (H, W).
        spacing: size of a pixel (row, column); the result has its unit.

    Returns:
        As of `compute_hausdorff_distance`, where a mask is empty.
    """
    predicted, true = as_mask_pair(prediction, target)
    if not (predicted.any() and true.any()):
        return compute_hausdorff_distance(predicted, true, spacing=spacing)
    return max(
        # the nearest lies on the outline
        _compute_directed(np.argwhere(one & ~other) * spacing, _outline(other) * spacing)
        for one, other in ((predicted, true), (true, predicted))
    )


def compute_hausdorff_of_rows(prediction: ArrayLike, target: ArrayLike) -> float:
    """What `scipy.spatial.distance.directed_hausdorff` gives for the mask matrices, the larger of both ways.

    That function takes the rows of a matrix for points, so this is the square root of a number of pixels: those by
    which the row that fits worst differs from the row of the other mask that is likest to it, wherever that one lies.
    It is no distance in the image; docs/evaluation.md says why it is here.

    Returns:
        NaN when the truth is empty; when only the prediction is, the root of the longest row of the truth.

    Examples:
        >>> from mammoseg.metrics.hausdorff import compute_hausdorff_of_rows
        >>> compute_hausdorff_of_rows([[0, 0, 0, 0], [0, 0, 0, 0]], [[0, 0, 0, 0], [1, 1, 1, 1]])
        2.0
    """
    predicted, true = as_mask_pair(prediction, target)
    if not true.any():
        return math.nan
    columns = (predicted | true).any(axis=0)  # the others are 0 in both
    rows, true_rows = (_list_different_rows(mask[:, columns]) for mask in (predicted, true))
    return float(max(directed_hausdorff(rows, true_rows)[0], directed_hausdorff(true_rows, rows)[0]))


def _outline(mask: np.ndarray) -> np.ndarray:
    """Indices (points, 2), row and column from 0, of the pixels on the edge of a bool mask (H, W)."""
    filled = mask.astype(np.uint8)
    inside = cv2.erode(filled, FOUR_NEIGHBOURS, borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    return np.argwhere(filled > inside)


def _list_different_rows(mask: np.ndarray) -> np.ndarray:
    """Each row once, float; most rows of a mask are empty."""
    return np.array(list({row.tobytes(): row for row in mask}.values()), float)


def _compute_directed(points: np.ndarray, others: np.ndarray) -> float:
    return float(cKDTree(others).query(points)[0].max()) if len(points) else 0.0
