"""One image's row and marks, and the tables of all: the same whether a workflow or the mean of several made them."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.errors import MammosegError, say_reason
from mammoseg.evaluation.lesion_tables import Found, write_lesion_tables, write_marks
from mammoseg.evaluation.tables import (
    FACTS,
    IDENTITY,
    ScoreRow,
    count_masses,
    format_dice_lines,
    remove_evaluation,
    summarise,
    write_per_image,
    write_summary,
)
from mammoseg.metrics import compute_segmentation_scores, count_pixels_and_masses
from mammoseg.metrics.froc import find_lesions_by_marks
from mammoseg.metrics.pooled import BATCH
from mammoseg.metrics.regions import Region

ScoredGrid = tuple[ScoreRow, Found]
"""Row of ``per_image.csv`` of an image on one grid, and what its marks found there."""


def score_image(
    probability: np.ndarray,
    truth: np.ndarray,
    *,
    threshold: float,
    item: Mapping[str, Any],
    grid: str,
    spacing_mm: tuple[float, float] | None = None,
    lesions: Sequence[Region] | None = None,
) -> ScoredGrid:
    """Score one image on one grid.

    Args:
        probability: mass probability ``(rows, columns)``, 0 to 1.
        truth: mask of the masses, of the same shape, 0 or 1.
        threshold: a pixel is mass when its probability is at least this.
        item: record of the image, of which `IDENTITY` and `FACTS` are taken.
        grid: name of the grid.
        spacing_mm: distance of two rows and of two columns; None gives no distances in mm.
        lesions: the masses of this grid one by one; None takes touching pixels of `truth` for one mass.
    """
    prediction = probability >= threshold
    scores = compute_segmentation_scores(prediction, truth, spacing_mm=spacing_mm)
    identity = {name: item.get(name) for name in IDENTITY} | _read_facts(item)
    row = identity | {"has_mass": bool(truth.any()), "grid": grid} | scores
    found = find_lesions_by_marks(probability, truth, lesions=lesions, group=item.get("patient_id"))
    return row | count_pixels_and_masses(prediction, truth, lesions=lesions), found


def write_evaluation(
    folder: Path, images: Sequence[Sequence[ScoredGrid]], *, provenance: Mapping[str, Any] | None
) -> None:
    """Write ``per_image.csv``, ``summary.csv``, ``summary.json`` and what `write_lesion_tables` writes.

    Args:
        folder: folder of the tables; those of an earlier run go first, and ``summary.json`` is written last.
        images: grids of each image, in the order of the datalist.
        provenance: JSON values that go into ``summary.json``.
    Raises:
        MammosegError: they cannot be written; Dice is printed then.
    """
    rows = [row | {"batch": 1 + at // BATCH} for at, image in enumerate(images) for row, _ in image]
    found: dict[str, list[Found]] = {}
    for row, of_image in chain.from_iterable(images):
        found.setdefault(row["grid"], []).append(of_image)
    summary = summarise(rows)
    try:
        remove_evaluation(folder)
        write_per_image(folder / "per_image.csv", rows)
        write_marks(folder, chain.from_iterable(images))
        more = {"masses": count_masses(rows)} | write_lesion_tables(folder, found)
        write_summary(folder, summary, provenance=provenance, more=more)
    except OSError as error:
        print(*format_dice_lines(summary), sep="\n")
        reason = f"the tables cannot be written to '{folder}' ({say_reason(error)})"
        raise MammosegError(f"{reason}; what they would say of Dice stands above.") from error


def _read_facts(item: Mapping[str, Any]) -> ScoreRow:
    """What is known of an image, however collating has wrapped it; an unknown number is NaN there, a word empty."""
    known: ScoreRow = {}
    for name, kind in FACTS.items():
        value = item.get(name, "")
        if value not in ("", None) and (kind is str or not math.isnan(float(value))):
            known[name] = kind(value)
    return known
