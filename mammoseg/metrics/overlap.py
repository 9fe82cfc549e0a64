"""Overlap of two masks: Dice, IoU, sensitivity, precision, accuracy, as fractions 0..1.

An image with a mass always counts: when nothing was predicted there, its overlap is 0. An image without a mass has no
overlap to measure and gives NaN, except for accuracy, which every image has.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from mammoseg.metrics.masks import as_mask_pair


def compute_dice(prediction: ArrayLike, target: ArrayLike) -> float:
    """Dice coefficient ``2 |P and T| / (|P| + |T|)`` of two masks (H, W); NaN when the truth is empty.

    Examples:
        >>> from mammoseg.metrics.overlap import compute_dice
        >>> compute_dice([[1, 0], [1, 0]], [[1, 1], [0, 0]])
        0.5
    """
    overlap, predicted, true, _ = _count(prediction, target)
    return 2 * overlap / (predicted + true) if true else math.nan


def compute_iou(prediction: ArrayLike, target: ArrayLike) -> float:
    """Intersection over union ``|P and T| / |P or T|``, the Jaccard index; NaN when the truth is empty."""
    overlap, predicted, true, _ = _count(prediction, target)
    return overlap / (predicted + true - overlap) if true else math.nan


def compute_sensitivity(prediction: ArrayLike, target: ArrayLike) -> float:
    """Part of the true pixels that were predicted, ``|P and T| / |T|``; NaN when the truth is empty."""
    overlap, _, true, _ = _count(prediction, target)
    return overlap / true if true else math.nan


def compute_precision(prediction: ArrayLike, target: ArrayLike) -> float:
    """Part of the predicted pixels that are true, ``|P and T| / |P|``.

    NaN when the truth is empty. A real mass with nothing predicted gives 0, not NaN: a network must not raise its mean
    by staying silent on hard images.
    """
    overlap, predicted, true, _ = _count(prediction, target)
    return overlap / max(predicted, 1) if true else math.nan


def compute_accuracy(prediction: ArrayLike, target: ArrayLike) -> float:
    """Part of all pixels on which both masks (H, W) agree; defined for an empty truth too.

    A mass covers about 0.3 % of a mammogram, so an empty prediction already has 0.997: never read it alone.
    """
    overlap, predicted, true, pixels = _count(prediction, target)
    return 1 - (predicted + true - 2 * overlap) / pixels


def _count(prediction: ArrayLike, target: ArrayLike) -> tuple[int, int, int, int]:
    """Pixels in both masks, in the prediction, in the truth, in the image."""
    predicted, true = as_mask_pair(prediction, target)
    return (
        int(np.count_nonzero(predicted & true)),
        int(np.count_nonzero(predicted)),
        int(np.count_nonzero(true)),
        true.size,
    )
