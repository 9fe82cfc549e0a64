"""How sure the mean of an evaluation is, and whether two evaluations differ."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats


def bootstrap_mean_interval(
    values: Sequence[float],
    groups: Sequence[str | None],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
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
    patients: dict[object, list[float]] = {}
    for position, (value, group) in enumerate(zip(values, groups, strict=True)):
        if not math.isnan(value):
            patients.setdefault(position if group is None else group, []).append(value)
    if len(patients) < 2:
        return math.nan, math.nan
    sums = np.array([sum(scores) for scores in patients.values()])
    counts = np.array([len(scores) for scores in patients.values()])
    drawn = np.random.default_rng(seed).integers(len(patients), size=(resamples, len(patients)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def wilcoxon_p_value(first: Sequence[float], second: Sequence[float]) -> float:
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
    return float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """P values that allow for all the comparisons made at once (Holm 1979), in the order given; NaN stays NaN."""
    adjusted = np.array(p_values, float)
    order = [index for index in np.argsort(adjusted) if not math.isnan(adjusted[index])]
    scaled = adjusted[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted.tolist()
