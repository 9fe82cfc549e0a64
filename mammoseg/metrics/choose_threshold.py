"""The threshold with the best Dice, mean over images, and how sure that choice is."""

from dataclasses import dataclass

import numpy as np

THRESHOLDS = tuple(step / 20 for step in range(1, 20))
"""Thresholds to choose from; the curve of Dice is too flat for finer steps to mean anything."""

RESAMPLES = 1000
"""Draws of patients behind an interval."""


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold and what is known of it.

    Attributes:
        threshold: the lowest of `THRESHOLDS` with the best mean Dice.
        interval: 95 % percentile interval of the choice over draws of whole patients.
        dice: mean Dice at each of `THRESHOLDS`.
    """

    threshold: float
    interval: tuple[float, float]
    dice: tuple[float, ...]


def compute_dice_by_threshold(probability: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Dice at each of `THRESHOLDS`, ``(thresholds,)``; NaN without a mass in the truth, as `compute_dice` has it.

    Args:
        probability: ``(rows, columns)``, 0 to 1.
        truth: bool of the same shape.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.metrics.choose_threshold import compute_dice_by_threshold
        >>> dice = compute_dice_by_threshold(np.array([[0.1, 0.42, 0.9]]), np.array([[False, True, True]]))
        >>> dice[[0, 7, 9]].tolist()  # at 0.05, 0.4 and 0.5: 4/5, 4/4 and 2/3
        [0.8, 1.0, 0.6666666666666666]
    """
    if not truth.any():
        return np.full(len(THRESHOLDS), np.nan)
    places = np.searchsorted(np.array(THRESHOLDS, probability.dtype), probability.ravel(), side="right")
    predicted, common = (
        np.bincount(of_these, minlength=len(THRESHOLDS) + 1)[::-1].cumsum()[::-1][1:]  # at least each threshold
        for of_these in (places, places[truth.ravel()])
    )
    return 2 * common / (predicted + np.count_nonzero(truth))


def choose_threshold(dice: np.ndarray, patients: np.ndarray, *, seed: int = 0) -> ChosenThreshold:
    """Choose by the mean over images with a mass.

    Args:
        dice: rows of `compute_dice_by_threshold`, ``(images, thresholds)``, at least one without NaN.
        patients: number of the patient of each, from 0, ``(images,)``.
        seed: seed of the draws; the same seed gives the same interval.
    """
    has_mass = ~np.isnan(dice[:, 0])
    dice, patients = dice[has_mass], patients[has_mass]
    random, count = np.random.default_rng(seed), int(patients.max()) + 1
    times = np.array([np.bincount(random.integers(count, size=count), minlength=count) for _ in range(RESAMPLES)])
    best = np.argmax(times[:, patients] @ dice, axis=1)  # sums: the number of images is the same at each threshold
    low, high = np.quantile(np.array(THRESHOLDS)[best], (0.025, 0.975), method="nearest")
    means = dice.mean(axis=0)
    return ChosenThreshold(THRESHOLDS[int(np.argmax(means))], (float(low), float(high)), tuple(means.tolist()))
