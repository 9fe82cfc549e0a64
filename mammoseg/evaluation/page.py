"""One ``index.html`` of an evaluation: each case with its truth and prediction, the scores, where they come from."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mammoseg.evaluation.plots import (
    LONGEST_SIDE,
    PREDICTION_COLOUR,
    TRUTH_COLOUR,
    Case,
    plot_learning_curve,
    shrink_to,
)
from mammoseg.evaluation.tables import POOLED_DICE, POOLED_IOU
from mammoseg.metrics.pooled import BATCH
from mammoseg.overlay import write_picture
from mammoseg.pages.html import write_html

TEMPLATES = Path(__file__).parent / "templates"

LABELS = {
    "dice": "Dice",
    POOLED_DICE: f"Dice pooled over batches of {BATCH} (mean of batches)",
    "iou": "IoU",
    POOLED_IOU: f"IoU pooled over batches of {BATCH} (mean of batches)",
    "sensitivity": "Pixel sensitivity",
    "precision": "Precision",
    "accuracy": "Accuracy",
    "relative_area_difference": "Relative area difference",
    "hausdorff_px": "Hausdorff distance (px)",
    "hausdorff_mm": "Hausdorff distance (mm)",
    "hausdorff_points_px": "Hausdorff distance of all points (px)",
    "hausdorff_points_mm": "Hausdorff distance of all points (mm)",
    "hausdorff_rows": "Hausdorff distance of rows (no distance)",
    "false_positive_area_px": "False-positive area, no mass (px)",
    "false_positive_area_mm2": "False-positive area, no mass (mm²)",
}
"""What a person reads for each metric of a summary."""


def write_html_report(
    output: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    cases: Sequence[Case],
    summary: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    learning_curve_csv: Path | None = None,
    notice: str | None = None,
    attribution: str | None = None,
    links: Mapping[str, str] | None = None,
    masses: Sequence[Mapping[str, Any]] = (),
    froc: Sequence[Mapping[str, Any]] = (),
    pictures: Mapping[str, str] | None = None,
    baseline: str | None = None,
) -> Path:
    """Write ``index.html`` and its pictures into `output`; the folder can be moved or zipped as it is.

    Args:
        output: folder, made when missing; earlier pictures of the same number are replaced.
        title: heading of the page.
        facts: facts that stand below the heading, such as bundle, data and date.
        cases: shown in this order, three pictures each; file names are numbers, never identifiers.
        summary: rows of `mammoseg.evaluation.tables.summarise`.
        provenance: hashes, seed, commit and the like, shown as a table; nested values one below the other.
        learning_curve_csv: training log to draw, see `plot_learning_curve`.
        notice: a limit the reader must know, such as weights that know phantoms only; shown on top.
        attribution: source and licence of the images and what was changed.
        links: text -> path relative to `output`, such as the tables of the run.
        masses: rows of `mammoseg.evaluation.tables.count_masses`.
        froc: rows of ``froc.csv``, as `mammoseg.evaluation.lesion_tables.read_froc` gives them.
        pictures: what each shows -> path relative to `output`, such as ``froc.png``; they stand below that table.
        baseline: sentence on what the network had to beat.

    Returns:
        Path of ``index.html``.
    """
    if learning_curve_csv is not None:
        plot_learning_curve(learning_curve_csv, output / "learning_curve.png")
    shown = [_write_case(case, output, number=number) for number, case in enumerate(cases, start=1)]
    write_html(
        output / "index.html",
        "report.html",
        TEMPLATES,
        title=title,
        facts=facts,
        cases=shown,
        summary=[row for row in summary if row["count"]],
        labels=LABELS,
        headline=_pick_headline(summary),
        provenance=flatten(provenance),
        has_learning_curve=learning_curve_csv is not None,
        notice=notice,
        attribution=attribution,
        links=links or {},
        masses=masses,
        froc=froc,
        pictures=pictures or {},
        baseline=baseline,
        truth_colour=TRUTH_COLOUR,
        prediction_colour=PREDICTION_COLOUR,
    )
    return output / "index.html"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by a dot."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _write_case(case: Case, output: Path, *, number: int) -> dict[str, Any]:
    """Write the three pictures of a case; give what the template shows of it."""
    grey = np.repeat(_as_grey(shrink_to(LONGEST_SIDE, case.image))[..., None], 3, axis=2)
    pictures = {
        "image": grey,
        "truth": _draw_outlines(grey, {TRUTH_COLOUR: case.truth}),
        "prediction": _draw_outlines(grey, {TRUTH_COLOUR: case.truth, PREDICTION_COLOUR: case.prediction}),
    }
    for name, picture in pictures.items():
        write_picture(picture, output / "cases" / f"{number:03d}_{name}.png")
    return {
        "image_id": case.image_id,
        "name": case.name,
        "pictures": {name: f"cases/{number:03d}_{name}.png" for name in pictures},
        "height": grey.shape[0],
        "width": grey.shape[1],
        "has_mass": bool(case.truth.any()),
        "found_nothing": not case.prediction.any(),
        "scores": {name: value for name, value in case.scores.items() if not math.isnan(value)},
    }


def _as_grey(image: np.ndarray) -> np.ndarray:
    """Stretch lowest to highest value of (H, W) over 0..255."""
    return np.asarray(cv2.normalize(image, np.empty(0), 0, 255, cv2.NORM_MINMAX, dtype=cv2.CV_8U))


def _draw_outlines(grey: np.ndarray, masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """Copy of a BGR picture (H, W, 3) with the outline of each mask, brought to its size, in its colour."""
    picture = grey.copy()
    for colour, mask in masks.items():
        covered = cv2.resize(mask.astype(np.float32), grey.shape[1::-1], interpolation=cv2.INTER_AREA)
        outlines, _ = cv2.findContours((covered >= 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        blue_green_red = [int(colour[start : start + 2], 16) for start in (5, 3, 1)]
        cv2.drawContours(picture, outlines, -1, blue_green_red, thickness=max(1, max(grey.shape) // 256))
    return picture


def _pick_headline(summary: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The four scores shown large, of the first grid of the summary."""
    first_grid = [row for row in summary if row["grid"] == summary[0]["grid"]]
    return [row for row in first_grid if row["metric"] in ("dice", "iou", "sensitivity", "hausdorff_px")]
