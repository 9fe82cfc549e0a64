"""What the runs of a plan measured: out-of-fold tables joined, mean and s.d. of runs beside those of images."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mammoseg.csv_table import read_csv, write_csv
from mammoseg.errors import MammosegError
from mammoseg.evaluation.lesion_tables import read_marks, write_lesion_tables
from mammoseg.evaluation.tables import (
    ScoreRow,
    count_masses,
    read_per_image,
    read_provenance,
    remove_evaluation,
    summarise,
    write_per_image,
    write_summary,
)
from mammoseg.metrics.scores import SCORES
from mammoseg.plans.plan import PlannedRun, RunPlan, Score
from mammoseg.plans.state import DONE
from mammoseg.plans.steps import list_scored_folds, name_evaluation

MEAN_IOU = "mean_iou"
"""Of all classes and all pixels of a section, for networks of several classes."""

COLUMNS = (
    "run",
    "score",
    "metric",
    "grid",
    "runs",
    "mean_of_runs",
    "sd_of_runs",
    "images",
    "mean_of_images",
    "sd_of_images",
    "budget",
)
"""Of ``runs.csv``."""


def write_plan_results(plan: RunPlan, output: Path) -> list[ScoreRow]:
    """Join what is done and write ``runs.csv``; returns its rows.

    A run's number is the mean over its images; with folds, each fold of each seed is a run. Over images, an image's
    number is its mean over the seeds, with folds by the network that did not learn from it. s.d. are of n - 1.

    Raises:
        MammosegError: two folds scored the same image.
    """
    rows = [
        {**row, "budget": plan.budget or ""}
        for run in plan.runs
        for score in run.scores
        for row in _summarise_score(run, score, output)
    ]
    write_csv(output / "runs.csv", rows, columns=COLUMNS)
    return rows


def collect_per_image(run: PlannedRun, score: Score, output: Path) -> dict[int, list[ScoreRow]]:
    """Rows of all folds together by seed; a seed with a fold that is not done is left out."""
    tables = {}
    for seed in run.seeds:
        folders = _list_folders(run, score, seed, output)
        if all((folder / DONE).is_file() for folder in folders):
            tables[seed] = _join_folds([read_per_image(folder / "per_image.csv") for folder in folders], run, score)
    return tables


def _summarise_score(run: PlannedRun, score: Score, output: Path) -> list[ScoreRow]:
    done = [
        folder
        for seed in run.seeds
        for folder in _list_folders(run, score, seed, output)
        if (folder / DONE).is_file() and (folder / "per_image.csv").is_file()
    ]
    if not done:
        return []
    seeds = collect_per_image(run, score, output)
    if len(list_scored_folds(run, score)) > 1:
        for seed, rows in seeds.items():
            _write_joined(
                output / name_evaluation(run, score, seed, None), rows, _list_folders(run, score, seed, output)
            )
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for folder in done:
        for row in (*summarise(read_per_image(folder / "per_image.csv")), *_read_class_iou(folder)):
            if row["count"]:
                values[row["metric"], row["grid"]].append(row["mean"])
    images = {
        (row["metric"], row["grid"]): row
        for row in summarise(_average_over_seeds(list(seeds.values())))
        if row["count"]
    }
    return [
        {
            "run": run.name,
            "score": score.name,
            "metric": metric,
            "grid": grid,
            "runs": len(means),
            "mean_of_runs": float(np.mean(means)),
            "sd_of_runs": float(np.std(means, ddof=1)) if len(means) > 1 else math.nan,
            "images": images.get((metric, grid), {}).get("count", 0),
            "mean_of_images": images.get((metric, grid), {}).get("mean", math.nan),
            "sd_of_images": images.get((metric, grid), {}).get("sd", math.nan),
        }
        for (metric, grid), means in values.items()
    ]


def _list_folders(run: PlannedRun, score: Score, seed: int, output: Path) -> list[Path]:
    return [output / name_evaluation(run, score, seed, fold) for fold in list_scored_folds(run, score)]


def _join_folds(tables: Sequence[list[ScoreRow]], run: PlannedRun, score: Score) -> list[ScoreRow]:
    """Rows of several folds as one table; batches of one fold are counted on after those of the fold before."""
    rows: list[ScoreRow] = []
    for table in tables:
        before = max((row["batch"] for row in rows if "batch" in row), default=0)
        rows += [row | ({"batch": row["batch"] + before} if "batch" in row else {}) for row in table]
    places = [(row["image_id"], row["grid"]) for row in rows]
    if len(set(places)) < len(places):
        twice = next(image for image, grid in places if places.count((image, grid)) > 1)
        raise MammosegError(
            f"run '{run.name}', score '{score.name}': image {twice} was scored by two folds; "
            "give scores of another dataset mean_of_folds."
        )
    return rows


def _write_joined(folder: Path, rows: Sequence[ScoreRow], folds: Sequence[Path]) -> None:
    """Tables of all folds as one evaluation, with FROC where each has its marks; nothing where they are up to date."""
    summary = folder / "summary.json"
    if summary.is_file() and summary.stat().st_mtime >= max((fold / DONE).stat().st_mtime for fold in folds):
        return
    remove_evaluation(folder)
    write_per_image(folder / "per_image.csv", rows)
    of_folds = [read_marks(fold, read_per_image(fold / "per_image.csv")) for fold in folds]
    more: dict[str, list[ScoreRow]] = {"masses": count_masses(rows)}
    known = [found for found in of_folds if found is not None]
    if len(known) == len(folds):
        grids = {grid: [image for found in known for image in found[grid]] for grid in known[0]}
        more |= write_lesion_tables(folder, grids)
    told = [read_provenance(fold) for fold in folds]
    common = {name: value for name, value in told[0].items() if all(other.get(name) == value for other in told)}
    write_summary(folder, summarise(rows), provenance=common, more={"froc": [], "calibration": [], **more})


def _average_over_seeds(tables: Sequence[Sequence[ScoreRow]]) -> list[ScoreRow]:
    """One row an image and grid with the mean of each score over the seeds; batches are of one seed and left out."""
    together: dict[tuple[str, str], list[ScoreRow]] = defaultdict(list)
    for table in tables:
        for row in table:
            together[row["image_id"], row["grid"]].append(row)
    return [
        {"image_id": image, "grid": grid} | {name: _compute_mean([row[name] for row in rows]) for name in SCORES}
        for (image, grid), rows in together.items()
    ]


def _compute_mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _read_class_iou(folder: Path) -> list[Mapping[str, float | str]]:
    """The last line of a ``class_iou.csv``, on the grid of the files."""
    path = folder / "class_iou.csv"
    if not path.is_file():
        return []
    _, rows = read_csv(path, needed=("class", "iou"))
    return [{"metric": MEAN_IOU, "grid": "original", "mean": float(rows[-1]["iou"]), "count": 1}]
