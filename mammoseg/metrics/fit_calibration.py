"""Fit scale and offset of a calibration to marks that are known to be masses or not, and how sure that is.

Platt 1999, "Probabilistic outputs for support vector machines": logistic regression on one score, towards targets a
little inside of 0 and 1, so that marks which one score separates leave both numbers finite.
"""

from dataclasses import dataclass

import numpy as np

from mammoseg.calibration import Calibration
from mammoseg.metrics.choose_threshold import RESAMPLES
from mammoseg.metrics.reliability import compute_expected_calibration_error, compute_reliability
from mammoseg.odds import apply_sigmoid, logit

FOLDS = 5
"""Parts of the patients of which each is judged by a fit to the others."""

SMALLEST_SCALE = 1e-3
"""The scale stays above 0, so that the order of lesions stays."""

STEPS, LONGEST_STEP = 100, 1.0
"""Of Newton's method, which ends sooner; a step is cut so that it does not jump beyond the end."""


@dataclass(frozen=True)
class Marks:
    """Marks of many images.

    Attributes:
        scores: highest probability of each, 0 to 1, ``(marks,)``.
        right: whether each is on a mass, bool ``(marks,)``.
        patients: number of the patient of each, from 0, ``(marks,)``.
    """

    scores: np.ndarray
    right: np.ndarray
    patients: np.ndarray


@dataclass(frozen=True)
class Fit:
    """A calibration and what is known of it.

    Attributes:
        calibration: fitted to all marks.
        scale_interval, offset_interval: 95 % percentile intervals over draws of whole patients.
        cross_fitted: score of each mark by a fit that has not seen its patient, ``(marks,)``.
    """

    calibration: Calibration
    scale_interval: tuple[float, float]
    offset_interval: tuple[float, float]
    cross_fitted: np.ndarray


def fit_calibration(marks: Marks, *, fitted_on: str, resamples: int = RESAMPLES, seed: int = 0) -> Fit:
    """Fit a calibration, its intervals, and the scores that measure it without flattering it.

    Args:
        marks: marks to fit to, at least one on a mass and one beside, of two patients or more.
        fitted_on: name of what they are of.
        resamples: number of draws.
        seed: seed of the draws; the same seed gives the same fit.
    """
    random = np.random.default_rng(seed)
    count = int(marks.patients.max()) + 1
    times = np.array([np.bincount(random.integers(count, size=count), minlength=count) for _ in range(resamples)])
    fold = random.permutation(count) % FOLDS
    other_folds = fold != np.arange(FOLDS)[:, None]
    weights = np.concatenate([np.ones((1, count)), other_folds, times])[:, marks.patients]
    fitted = fit_scale_and_offset(marks.scores, marks.right, weights)
    low, high = np.quantile(fitted[1 + FOLDS :], (0.025, 0.975), axis=0)
    by_others = fitted[1 : 1 + FOLDS][fold[marks.patients]]
    cross_fitted = apply_sigmoid(by_others[:, 0] * logit(marks.scores) + by_others[:, 1])
    scale, offset = ((float(low[at]), float(high[at])) for at in range(2))
    calibration = Calibration(float(fitted[0, 0]), float(fitted[0, 1]), fitted_on)
    return Fit(calibration, scale, offset, cross_fitted)


def fit_scale_and_offset(scores: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Scale and offset of the logit with the highest likelihood, for several weightings at once.

    Args:
        scores: highest probability of each mark, 0 to 1, ``(marks,)``.
        right: whether each is on a mass, bool ``(marks,)``.
        weights: how often each counts, ``(weightings, marks)``.

    Returns:
        float64 ``(weightings, 2)``.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.metrics.fit_calibration import fit_scale_and_offset
        >>> scores = np.repeat([0.5, 0.9], 1000)
        >>> right = np.repeat([True, False, True, False], [250, 750, 800, 200])  # a quarter, and four of five
        >>> fit_scale_and_offset(scores, right, np.ones((1, 2000))).round(1).tolist()  # logit 1/4 is -1.1
        [[1.1, -1.1]]
    """
    positive, negative = weights[:, right].sum(axis=1), weights[:, ~right].sum(axis=1)
    targets = np.where(right, ((positive + 1) / (positive + 2))[:, None], (1 / (negative + 2))[:, None])
    logits = logit(scores)
    terms = np.stack([logits, np.ones(len(logits))])  # what scale and offset are the factors of
    products = terms[:, None] * terms
    fitted = np.tile((0.0, 0.0), (len(weights), 1))
    for _ in range(STEPS):
        chance = apply_sigmoid(fitted @ terms)
        slope = np.einsum("wm,tm->wt", weights * (chance - targets), terms)
        curvature = np.einsum("wm,tum->wtu", weights * chance * (1 - chance), products) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, slope[..., None])[..., 0]
        fitted -= step / np.maximum(1, np.abs(step).max(axis=1, keepdims=True) / LONGEST_STEP)
        if np.abs(step).max() < 1e-6:
            break
    share = (weights * targets).sum(axis=1) / weights.sum(axis=1)
    falls = fitted[:, 0] < SMALLEST_SCALE  # higher scores are no likelier masses: then all have the share of all
    fitted[falls] = np.stack([np.full(len(share), SMALLEST_SCALE), logit(share)], axis=1)[falls]
    return fitted


def compute_calibration_error(scores: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error of scores ``(marks,)``, of which those in `right` are on a mass."""
    return compute_expected_calibration_error(compute_reliability(scores.tolist(), right.tolist()))
