"""Several evaluations of the same images, image by image: intervals of the differences, and a test of every pair."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mammoseg.evaluation.statistics import adjust_by_holm, bootstrap_mean_intervals, compute_wilcoxon_p_values
from mammoseg.evaluation.tables import ScoreRow
from mammoseg.metrics.scores import SCORES


@dataclass(frozen=True)
class Aligned:
    """Scores of several runs on one grid.

    Attributes:
        grid: name of the grid.
        runs: names of the runs.
        rows: a row of each image, of the first run that has it; scores of it are that run's own.
        values: ``(runs, images, scores)`` in the order of `SCORES`; NaN where a run has no such score of the image.
    """

    grid: str
    runs: tuple[str, ...]
    rows: tuple[ScoreRow, ...]
    values: np.ndarray

    @property
    def patients(self) -> list[str | None]:
        """The patient of each image."""
        return [row["patient_id"] for row in self.rows]

    def get_values(self, score: str) -> np.ndarray:
        """One score, ``(runs, images)``."""
        return np.asarray(self.values[:, :, SCORES.index(score)])


def align(tables: Mapping[str, Sequence[ScoreRow]], *, grid: str) -> Aligned:
    """Put the rows of the runs beside each other, by ``image_id``.

    Args:
        tables: rows of `mammoseg.evaluation.tables.read_per_image`, by the name of the run.
        grid: rows of other grids are left out.
    """
    first: dict[str, ScoreRow] = {}
    for row in (row for rows in tables.values() for row in rows if row["grid"] == grid):
        first.setdefault(row["image_id"], row)
    place = {image_id: number for number, image_id in enumerate(first)}
    values = np.full((len(tables), len(first), len(SCORES)), np.nan)
    for run, rows in zip(values, tables.values(), strict=True):
        for row in rows:
            if row["grid"] == grid:
                run[place[row["image_id"]]] = [row[score] for score in SCORES]
    return Aligned(grid, tuple(tables), tuple(first.values()), values)


def compare_pairs(
    aligned: Aligned, *, scores: Sequence[str] = SCORES, images: np.ndarray | None = None
) -> list[ScoreRow]:
    """Mean difference of every pair of runs in every score, its bootstrap interval, and the Wilcoxon test.

    ``p_holm`` allows for all pairs of one score. Pairs without a common image are left out.

    Args:
        aligned: the runs, put beside each other by `align`.
        scores: names of the scores to compare, of `SCORES`.
        images: bool ``(images,)``, True for those to look at; None takes all.
    """
    chosen = np.ones(len(aligned.rows), bool) if images is None else images
    patients = [patient for patient, is_in in zip(aligned.patients, chosen, strict=True) if is_in]
    pairs = list(combinations(range(len(aligned.runs)), 2))
    compared: list[ScoreRow] = []
    for score in scores:
        of_runs = aligned.get_values(score)[:, chosen]
        differences = np.array([of_runs[first] - of_runs[second] for first, second in pairs]).T
        tested = zip(
            differences.T,
            bootstrap_mean_intervals(differences, patients),
            compute_wilcoxon_p_values(differences),
            strict=True,
        )
        family = [
            {
                "first": aligned.runs[first],
                "second": aligned.runs[second],
                "metric": score,
                "grid": aligned.grid,
                **_describe_differences(of_pair[~np.isnan(of_pair)], ends.tolist(), p),
            }
            for (first, second), (of_pair, ends, p) in zip(pairs, tested, strict=True)
        ]
        adjusted = adjust_by_holm([pair["p"] for pair in family])
        compared += [pair | {"p_holm": p} for pair, p in zip(family, adjusted, strict=True) if pair["images"]]
    return compared


def _describe_differences(differences: np.ndarray, interval: Sequence[float], p: float) -> ScoreRow:
    return {
        "images": len(differences),
        "mean_difference": float(differences.mean()) if len(differences) else math.nan,
        "difference_low": interval[0],
        "difference_high": interval[1],
        "p": p,
    }
