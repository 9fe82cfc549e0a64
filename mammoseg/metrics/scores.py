"""All scores of one image at once."""

import math

from numpy.typing import ArrayLike

from mammoseg.metrics.area import compute_false_positive_area, compute_relative_area_difference
from mammoseg.metrics.hausdorff import (
    compute_hausdorff_distance,
    compute_hausdorff_of_points,
    compute_hausdorff_of_rows,
)
from mammoseg.metrics.masks import as_mask_pair
from mammoseg.metrics.overlap import (
    compute_accuracy,
    compute_dice,
    compute_iou,
    compute_precision,
    compute_sensitivity,
)

SCORES = (
    "dice",
    "iou",
    "sensitivity",
    "precision",
    "accuracy",
    "relative_area_difference",
    "hausdorff_px",
    "hausdorff_mm",
    "hausdorff_points_px",
    "hausdorff_points_mm",
    "hausdorff_rows",
    "false_positive_area_px",
    "false_positive_area_mm2",
)
"""Keys of `compute_segmentation_scores` and columns of ``per_image.csv``, in this order."""


def compute_segmentation_scores(
    prediction: ArrayLike, target: ArrayLike, *, spacing_mm: tuple[float, float] | None = None
) -> dict[str, float]:
    """Every score of one predicted mask against the truth.

    Args:
        prediction: mask (H, W), after the threshold.
        target: the truth, mask (H, W).
        spacing_mm: size of a pixel of this grid (row, column); None leaves the scores in mm NaN.

    Returns:
        Keys of `SCORES`; NaN where a score does not exist for this image (see docs/evaluation.md).

    Raises:
        ValueError: when the masks differ in shape, are not two-dimensional or have values other than 0 and 1.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.metrics.scores import compute_segmentation_scores
        >>> truth = np.zeros((8, 8), bool)
        >>> truth[2:6, 2:6] = True  # 16 pixels
        >>> prediction = np.zeros((8, 8), bool)
        >>> prediction[2:6, 2:4] = True  # half of them
        >>> scores = compute_segmentation_scores(prediction, truth, spacing_mm=(0.5, 0.5))
        >>> scores["sensitivity"], scores["precision"], scores["hausdorff_px"], scores["hausdorff_mm"]
        (0.5, 1.0, 2.0, 1.0)
    """
    masks = as_mask_pair(prediction, target)
    false_positive_area = compute_false_positive_area(*masks)
    return {
        "dice": compute_dice(*masks),
        "iou": compute_iou(*masks),
        "sensitivity": compute_sensitivity(*masks),
        "precision": compute_precision(*masks),
        "accuracy": compute_accuracy(*masks),
        "relative_area_difference": compute_relative_area_difference(*masks),
        "hausdorff_px": compute_hausdorff_distance(*masks),
        "hausdorff_mm": compute_hausdorff_distance(*masks, spacing=spacing_mm) if spacing_mm else math.nan,
        "hausdorff_points_px": compute_hausdorff_of_points(*masks),
        "hausdorff_points_mm": compute_hausdorff_of_points(*masks, spacing=spacing_mm) if spacing_mm else math.nan,
        "hausdorff_rows": compute_hausdorff_of_rows(*masks),
        "false_positive_area_px": false_positive_area,
        "false_positive_area_mm2": false_positive_area * math.prod(spacing_mm) if spacing_mm else math.nan,
    }
