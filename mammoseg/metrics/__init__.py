"""Scores of one predicted mask against the truth, in numpy only; docs/evaluation.md has the rules in a table."""

from mammoseg.metrics.area import compute_false_positive_area, compute_relative_area_difference
from mammoseg.metrics.counts import count_pixels_and_masses
from mammoseg.metrics.hausdorff import (
    compute_hausdorff_distance,
    compute_hausdorff_of_points,
    compute_hausdorff_of_rows,
)
from mammoseg.metrics.overlap import (
    compute_accuracy,
    compute_dice,
    compute_iou,
    compute_precision,
    compute_sensitivity,
)
from mammoseg.metrics.scores import SCORES, compute_segmentation_scores

__all__ = [
    "SCORES",
    "compute_accuracy",
    "compute_dice",
    "compute_false_positive_area",
    "compute_hausdorff_distance",
    "compute_hausdorff_of_points",
    "compute_hausdorff_of_rows",
    "compute_iou",
    "compute_precision",
    "compute_relative_area_difference",
    "compute_segmentation_scores",
    "compute_sensitivity",
    "count_pixels_and_masses",
]
