"""Dice and Jaccard of batches, as training programs print them: the pixels of several images as if of one image."""

from collections.abc import Sequence

BATCH = 16
"""Images pooled, in the order of the datalist; the last batch takes what is left."""


def compute_pooled_dice(common: Sequence[int], predicted: Sequence[int], truth: Sequence[int]) -> float:
    """Dice of the pixels of one batch; NaN where neither mask has one.

    Args:
        common: pixels in both masks, of each image.
        predicted: pixels of the predicted mask.
        truth: pixels of the truth.

    Examples:
        >>> from mammoseg.metrics.pooled import compute_pooled_dice
        >>> compute_pooled_dice([90, 0], [100, 0], [100, 20])  # the mean over both images would be 0.45
        0.8181818181818182
    """
    both = sum(predicted) + sum(truth)
    return 2 * sum(common) / both if both else float("nan")


def compute_pooled_iou(common: Sequence[int], predicted: Sequence[int], truth: Sequence[int]) -> float:
    """Intersection over union (Jaccard) of the pixels of one batch; NaN where neither mask has one.

    Args:
        common: pixels in both masks, of each image.
        predicted: pixels of the predicted mask.
        truth: pixels of the truth.

    Examples:
        >>> from mammoseg.metrics.pooled import compute_pooled_iou
        >>> round(compute_pooled_iou([90, 0], [100, 0], [100, 20]), 4)  # 90 of 130
        0.6923
    """
    either = sum(predicted) + sum(truth) - sum(common)
    return sum(common) / either if either else float("nan")
