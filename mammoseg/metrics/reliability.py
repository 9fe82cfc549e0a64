"""Whether scores of marks are probabilities: of those that say 0.7, seven of ten should be masses.

Guo et al. 2017, arXiv:1706.04599, describe the diagram and the expected calibration error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10
"""Of equal width from 0 to 1."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Marks of scores from `low` (with it) to `high` (without it; the last one with it).

    Attributes:
        low, high: least and highest score.
        marks: number of marks.
        score: mean of their scores.
        right: fraction of them on a mass.
    """

    low: float
    high: float
    marks: int
    score: float
    right: float


def compute_reliability(scores: Sequence[float], right: Sequence[bool]) -> list[ReliabilityBin]:
    """Marks by score, without the bins that have none.

    Args:
        scores: one score a mark, 0 to 1.
        right: whether each is on a mass.
    """
    values, hits = np.asarray(scores, float), np.asarray(right, bool)
    edges = np.arange(BINS + 1) / BINS
    numbers = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, BINS - 1)
    return [
        ReliabilityBin(
            float(edges[number]),
            float(edges[number + 1]),
            int(np.count_nonzero(here)),
            float(values[here].mean()),
            float(hits[here].mean()),
        )
        for number in range(BINS)
        if (here := numbers == number).any()
    ]


def compute_expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Mean distance of score and fraction right, bins weighted by their marks; NaN without a mark.

    Examples:
        >>> from mammoseg.metrics.reliability import compute_reliability, compute_expected_calibration_error
        >>> bins = compute_reliability([0.9, 0.9, 0.2, 0.2], [True, False, False, False])
        >>> round(compute_expected_calibration_error(bins), 3)  # half of 0.4, and half of 0.2
        0.3
    """
    marks = sum(of_bin.marks for of_bin in bins)
    distances = sum(of_bin.marks * abs(of_bin.score - of_bin.right) for of_bin in bins)
    return distances / marks if marks else float("nan")
