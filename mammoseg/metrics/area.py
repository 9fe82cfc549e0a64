"""Areas of two masks: how wrong the size is, and how much is seen where nothing is."""

import math

import numpy as np
from numpy.typing import ArrayLike

from mammoseg.metrics.masks import as_mask_pair


def compute_relative_area_difference(prediction: ArrayLike, target: ArrayLike) -> float:
    """Relative area difference ``| |P| - |T| | / |T|`` of two masks (H, W).

    A fraction: 0 is equal size, 1 is nothing predicted or twice the size; there is no upper bound. NaN when the truth
    is empty. This is dA of the AUNet paper (Sun et al. 2020), which prints it as a percentage.
    """
    predicted, true = as_mask_pair(prediction, target)
    true_area = int(np.count_nonzero(true))
    return abs(int(np.count_nonzero(predicted)) - true_area) / true_area if true_area else math.nan


def compute_false_positive_area(prediction: ArrayLike, target: ArrayLike) -> float:
    """Number of pixels predicted on an image without a mass; NaN when the truth has a mass.

    The one score of an image without a mass, which overlap and distance leave out; where there is a mass, precision
    tells of false positives.
    """
    predicted, true = as_mask_pair(prediction, target)
    return math.nan if true.any() else float(np.count_nonzero(predicted))
