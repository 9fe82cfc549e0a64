"""How sure the mean of an evaluation is, and whether two evaluations differ."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import stats

MOST_PERMUTED = 13
"""Pairs up to which scipy goes through all signs where there are ties or zeros."""

MOST_EXACT = 50
"""Pairs up to which scipy computes the Wilcoxon test exactly, if none are tied."""


RESAMPLES = 2000
"""Draws of patients behind the interval of a mean."""


def bootstrap_mean_interval(
    values: Sequence[float],
    groups: Sequence[str | None],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, drawing whole patients with replacement.

    Both views of one breast fail or succeed together; drawing images one by one would make the interval too narrow.

    Args:
        values: one a image; NaN is left out.
        groups: the patient of each value; a value whose patient is None stands alone.
        confidence: 0.95 gives the 2.5th and the 97.5th percentile.
        resamples: number of draws.
        seed: seed of the draws; the same seed gives the same interval.

    Returns:
        Lower and upper end; NaN for both with fewer than two patients.

    Examples:
        >>> from mammoseg.evaluation.statistics import bootstrap_mean_interval
        >>> low, high = bootstrap_mean_interval([0.9, 0.8, 0.5, 0.6], ["a", "a", "b", "b"])
        >>> round(low, 2), round(high, 2)  # one of the two patients twice, in a quarter of the draws each
        (0.55, 0.85)
    """
    column = np.asarray(values, float)[:, None]
    ((low, high),) = bootstrap_mean_intervals(
        column, groups, confidence=confidence, resamples=resamples, seed=seed
    ).tolist()
    return low, high


def bootstrap_mean_intervals(
    values: np.ndarray,
    groups: Sequence[str | None],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> np.ndarray:
    """`bootstrap_mean_interval` of many columns at once, thousands of them in seconds.

    Columns that are known of the same patients share their draws.

    Args:
        values: ``(images, columns)``; NaN is left out.
        groups: the patient of each image; an image whose patient is None stands alone.
        confidence: 0.95 gives the 2.5th and the 97.5th percentile.
        resamples: number of draws.
        seed: seed of the draws; the same seed gives the same intervals.

    Returns:
        ``(columns, 2)``, lower and upper end; NaN for both with fewer than two patients.
    """
    intervals = np.full((values.shape[1], 2), np.nan)
    if not len(values):
        return intervals
    known = ~np.isnan(values)
    sums, counts = (_sum_by_group(of, groups) for of in (np.where(known, values, 0), known.astype(float)))
    columns_of: dict[bytes, list[int]] = {}
    for column, has in enumerate((counts > 0).T):
        columns_of.setdefault(has.tobytes(), []).append(column)
    for columns in columns_of.values():
        patients = np.flatnonzero(counts[:, columns[0]])
        if len(patients) >= 2:
            drawn = _sample_patients(len(patients), resamples, seed)
            means = drawn @ sums[patients][:, columns] / (drawn @ counts[patients][:, columns])
            intervals[columns] = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0).T
    return intervals


def compute_wilcoxon_p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p value of the Wilcoxon signed-rank test on paired scores.

    Args:
        first: scores of one network, in the order of the images.
        second: scores of another on the same images; no NaN in either.

    Returns:
        1 when all pairs are equal, NaN when there is no pair.
    """
    differences = np.subtract(first, second)
    if not differences.size:
        return math.nan
    if not differences.any():
        return 1.0
    few = differences.size <= MOST_PERMUTED
    return _compute_exact_p_value(differences[differences != 0]) if few else float(stats.wilcoxon(differences).pvalue)


def _compute_exact_p_value(differences: np.ndarray) -> float:
    """What `scipy.stats.wilcoxon` gives of few differences, none 0, which takes their signs one by one."""
    ranks = stats.rankdata(np.abs(differences))
    signs = (np.arange(2 ** len(ranks))[:, None] >> np.arange(len(ranks))) & 1
    sums, observed = signs @ ranks, ranks[differences > 0].sum()
    return float(min(1.0, 2 * min((sums <= observed).mean(), (sums >= observed).mean())))


def compute_wilcoxon_p_values(differences: np.ndarray) -> list[float]:
    """`compute_wilcoxon_p_value` of many columns of paired differences ``(images, columns)``, NaN left out of each."""
    known = ~np.isnan(differences)
    whole = known.all(axis=0) & differences.any(axis=0)
    p_values = np.full(differences.shape[1], math.nan)
    if len(differences) > MOST_EXACT and whole.any():  # no column is exact there, so scipy takes them at once
        p_values[whole] = stats.wilcoxon(differences[:, whole], axis=0).pvalue
    else:
        whole[:] = False
    for column in np.flatnonzero(~whole):
        of_column = differences[known[:, column], column]
        p_values[column] = compute_wilcoxon_p_value(of_column.tolist(), [0.0] * len(of_column))
    return p_values.tolist()


def adjust_by_holm(p_values: Sequence[float]) -> list[float]:
    """P values that allow for all the comparisons made at once (Holm 1979), in the order given; NaN stays NaN."""
    adjusted = np.array(p_values, float)
    order = [index for index in np.argsort(adjusted) if not math.isnan(adjusted[index])]
    scaled = adjusted[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted.tolist()


def _sum_by_group(values: np.ndarray, groups: Sequence[str | None]) -> np.ndarray:
    """Sums ``(groups, columns)`` of values ``(images, columns)``."""
    names: dict[object, int] = {}
    owners = [
        names.setdefault(position if group is None else group, len(names)) for position, group in enumerate(groups)
    ]
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(np.asarray(owners)[order], np.arange(len(names)))
    return np.asarray(np.add.reduceat(values[order], starts, axis=0))


@lru_cache(maxsize=4)
def _sample_patients(patients: int, resamples: int, seed: int) -> np.ndarray:
    """How often each patient is drawn, ``(resamples, patients)``: as often as there are patients, with replacement."""
    return np.random.default_rng(seed).multinomial(patients, [1 / patients] * patients, size=resamples).astype(float)
