"""Whether predicted areas are too large or too small: the limits of agreement of Bland and Altman 1986."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mammoseg.evaluation.statistics import bootstrap_mean_interval
from mammoseg.evaluation.tables import ScoreRow

NORMAL_95 = 1.96
"""Standard deviations on each side that hold 95 % of a normal distribution."""


class Areas(NamedTuple):
    """Areas of one run in pixels of the grid, one an image with a mass.

    Attributes:
        predicted: area of the prediction.
        truth: area of the truth.
        patients: patient of each image.
    """

    predicted: np.ndarray
    truth: np.ndarray
    patients: list[str | None]


def collect_areas(rows: Sequence[ScoreRow], *, grid: str) -> Areas:
    """Areas of the images with a mass; empty for rows of older tables, which do not count pixels."""
    counted = [row for row in rows if row["grid"] == grid and row.get("truth_px")]
    predicted, truth = (np.array([row[name] for row in counted], float) for name in ("predicted_px", "truth_px"))
    return Areas(predicted, truth, [row["patient_id"] for row in counted])


def describe_agreement(tables: Mapping[str, Sequence[ScoreRow]], *, grid: str) -> list[ScoreRow]:
    """Mean of predicted less true area with its bootstrap interval, and the limits of agreement, in pixels.

    The limits are mean and 1.96 standard deviations (n - 1). They suppose differences that do not grow with the size;
    the plot shows whether that is so. Runs of older tables, or of fewer than two images with a mass, are left out.
    """
    described: list[ScoreRow] = []
    for run, rows in tables.items():
        areas = collect_areas(rows, grid=grid)
        differences = areas.predicted - areas.truth
        if len(differences) > 1:
            bias, spread = float(differences.mean()), NORMAL_95 * float(differences.std(ddof=1))
            low, high = bootstrap_mean_interval(differences.tolist(), areas.patients)
            described.append(
                {"run": run, "grid": grid, "images": len(differences), "mean_difference_px": bias}
                | {"mean_low": low, "mean_high": high, "lower_limit": bias - spread, "upper_limit": bias + spread}
            )
    return described
