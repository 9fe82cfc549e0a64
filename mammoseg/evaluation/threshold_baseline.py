"""The best constant threshold on intensity: what a network has to beat."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mammoseg.errors import WrongCallError
from mammoseg.metrics import compute_dice

ImageAndMask = tuple[np.ndarray, np.ndarray]

CANDIDATES = tuple(np.linspace(0, 1, 201).tolist())
"""Thresholds tried by default, for images scaled to 0..1; a step of 0.005 is finer than 8-bit grey values need."""


@dataclass(frozen=True)
class ThresholdBaseline:
    """A pixel is mass when its intensity is at least `threshold`; `training_dice` is the mean that chose it."""

    threshold: float
    training_dice: float


def fit_threshold(training: Iterable[ImageAndMask], *, candidates: Iterable[float] = CANDIDATES) -> ThresholdBaseline:
    """Choose the threshold with the highest mean Dice on the training images; the lowest such one when several tie.

    Args:
        training: preprocessed images (H, W), dense tissue bright, each with its mask (H, W) of 0 and 1. Read once, one
            image in memory at a time; images without a mass say nothing about Dice and are passed over.
        candidates: thresholds to try, in the unit of the images.

    Raises:
        WrongCallError: when no training image has a mass.
    """
    thresholds = np.sort(np.fromiter(candidates, float))
    dice = [_compute_dice_at_every(thresholds, image, mask) for image, mask in training if np.any(mask)]
    if not dice:
        raise WrongCallError("no training image has a mass; give the training section of a datalist with masses.")
    mean = np.mean(dice, axis=0)
    best = int(np.argmax(mean))
    return ThresholdBaseline(threshold=float(thresholds[best]), training_dice=float(mean[best]))


def evaluate_threshold(baseline: ThresholdBaseline, images: Iterable[ImageAndMask]) -> list[float]:
    """Dice of each image (H, W) at the threshold chosen before, in the order given; NaN for an image without a mass."""
    return [compute_dice(image >= baseline.threshold, mask) for image, mask in images]


def _compute_dice_at_every(thresholds: np.ndarray, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Dice (thresholds,) of one image, from one count of the pixels at or above each threshold."""
    is_mass = mask == 1
    predicted, overlap = _count_at_least(thresholds, image), _count_at_least(thresholds, image[is_mass])
    return 2 * overlap / (predicted + np.count_nonzero(is_mass))


def _count_at_least(thresholds: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values.size - np.searchsorted(np.sort(values, axis=None), thresholds, side="left")
