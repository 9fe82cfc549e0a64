"""One evaluation in a record that a model card shows: nothing in it is written by hand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mammoseg.errors import WrongCallError
from mammoseg.evaluation.plots import choose_best_median_worst, find_training_log, read_logged, read_training_log
from mammoseg.evaluation.statistics import bootstrap_mean_interval
from mammoseg.evaluation.tables import POOLED_DICE, ScoreRow, read_per_image
from mammoseg.metrics.froc import SHOWN_FALSE_POSITIVES, SHOWN_RULE

TOLD = (
    "bundle",
    "source",
    "section",
    "seed",
    "spatial_size",
    "network",
    "weights_sha256",
    "threshold",
    "flips",
    "precision",
    "commit",
    "date",
    "command",
)
"""What a record takes from what an evaluation says of itself; the mean of several weights has no seed or network."""

NEEDED = ("command", "date", "machine")
"""What an evaluation of an older version does not say."""


def measure_evaluation(evaluation: Path) -> dict[str, Any]:
    """JSON values of one evaluation: what was scored, how, and the scores on each grid.

    Raises:
        WrongCallError: the folder has no complete evaluation, or one of a version that did not say how it was made.
    """
    summary_file = evaluation / "summary.json"
    if not summary_file.is_file():
        raise WrongCallError(f"{evaluation} has no summary.json; name a folder that `mammoseg evaluate` wrote.")
    summary = json.loads(summary_file.read_text(encoding="utf-8"))
    told = summary.get("provenance", {})
    if missing := [name for name in NEEDED if name not in told]:
        raise WrongCallError(f"{summary_file} does not say its {missing[0]}; evaluate again with this version.")
    rows = read_per_image(evaluation / "per_image.csv")
    grids = list(dict.fromkeys(row["grid"] for row in summary["scores"]))
    return {
        **{name: told.get(name) for name in TOLD},
        "machine": told["machine"]["processor"],
        "trained_at": _read_commit(told.get("started_from")),
        **_summarise_training(evaluation),
        "images": len({row["image_id"] for row in rows}),
        "patients": len({row["patient_id"] for row in rows}),
        "grids": {grid: _summarise_grid(grid, rows, summary) for grid in grids},
    }


def _read_commit(weights: Any) -> str | None:
    """Commit that the weights were trained at; of several, and where nobody wrote it down, none."""
    return weights.get("commit") if isinstance(weights, dict) else None


def _summarise_training(evaluation: Path) -> dict[str, Any]:
    """Epochs, minutes and first losses of the training, and the epoch that was kept; nothing where there is no log."""
    log = find_training_log(evaluation)
    if log is None:
        return {}
    lines = read_training_log(log)
    epochs, dice = read_logged(lines, "val_mean_dice")
    best = max(range(len(dice)), key=dice.__getitem__) if dice else None
    _, seconds = read_logged(lines, "seconds")
    _, losses = read_logged(lines, "train_loss")
    told = {"epochs": len(lines), "minutes": round(sum(seconds) / 60, 1), "first_losses": losses[:2]}
    return told | ({} if best is None else {"best_epoch": int(epochs[best]), "validation_dice": dice[best]})


def _summarise_grid(grid: str, rows: Sequence[ScoreRow], summary: dict[str, Any]) -> dict[str, Any]:
    on_grid = [row for row in rows if row["grid"] == grid]
    scores = {row["metric"]: row for row in summary["scores"] if row["grid"] == grid}
    low, high = bootstrap_mean_interval([row["dice"] for row in on_grid], [row["patient_id"] for row in on_grid])
    (masses,) = (row for row in summary["masses"] if row["grid"] == grid)
    of_image = {row["image_id"]: row["dice"] for row in on_grid}
    return {
        "dice": scores["dice"]["mean"],
        "dice_low": low,
        "dice_high": high,
        "dice_median": scores["dice"]["median"],
        "dice_pooled": scores[POOLED_DICE]["mean"],
        "found": [
            {name: row[name] for name in ("false_positives", "sensitivity", "low", "high", "empty_because")}
            for row in summary["froc"]
            if row["grid"] == grid and row["rule"] == SHOWN_RULE and row["false_positives"] in SHOWN_FALSE_POSITIVES
        ],
        "masses": masses["masses"],
        "missed_masses": masses["missed_masses"],
        "cases": {
            which: {"image_id": image, "dice": of_image[image]}
            for which, image in choose_best_median_worst(on_grid).items()
        },
    }
