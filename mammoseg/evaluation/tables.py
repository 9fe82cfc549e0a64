"""``per_image.csv`` and ``summary.{csv,json}``: the tables that an evaluation leaves behind."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.counts import format_count
from mammoseg.csv_table import read_csv, write_csv
from mammoseg.errors import WrongCallError
from mammoseg.files import as_printable, read_json, write_json
from mammoseg.metrics.froc import SHOWN_FALSE_POSITIVES, SHOWN_RULE
from mammoseg.metrics.pooled import BATCH, compute_pooled_dice, compute_pooled_iou
from mammoseg.metrics.scores import SCORES

ScoreRow = dict[str, Any]
"""Line of a table of scores, by column."""

IDENTITY = ("image_id", "name", "patient_id", "laterality", "view", "has_mass", "grid")
"""Columns before the scores; ``grid`` is "network" (the papers' protocol) or "original" (the pixels of the file).

``name`` is the path in the source, empty where the datalist does not show it; older tables lack the column.
"""

FACTS: dict[str, type] = {
    "pathology": str,
    "birads": int,
    "density": int,
    "subtlety": int,
    "shape": str,
    "margin": str,
    "vendor": str,
}
"""Columns after `IDENTITY`: what the datalist says of an image, each with its type; empty where it says nothing."""

COUNTS = ("batch", "predicted_px", "truth_px", "common_px", "masses", "missed_masses")
"""Columns after the scores, whole numbers; older tables lack them.

``batch`` counts batches of `BATCH` images from 1, in the order of the datalist. A mass is missed when no pixel of it is
predicted; pixels that touch are one mass.
"""

COUNTED_PIXELS = ("common_px", "predicted_px", "truth_px")
"""What `compute_pooled_dice` and `compute_pooled_iou` take, in their order."""

POOLED_DICE, POOLED_IOU = f"dice_pooled_{BATCH}", f"iou_pooled_{BATCH}"
"""In the summary: mean over batches of the Dice, and of the Jaccard index, of all their pixels."""

POOLED = {POOLED_DICE: compute_pooled_dice, POOLED_IOU: compute_pooled_iou}
"""What is computed of the `COUNTED_PIXELS` of each batch."""

EVALUATION = (
    *("summary.json", "summary.csv", "per_image.csv", "marks.csv"),
    *("froc.csv", "froc_curve.csv", "froc.png", "reliability.csv", "reliability.png"),
)
"""Files of an evaluation; the first is written last, and says by what threshold and weights the others are."""

MOST_BYTES = 2**24
"""Of a ``summary.json``; a thousand subgroups take a tenth of it."""

WORDS = {
    "bundle": "bundle",
    "source": "source",
    "datalist_sha256": "datalist",
    "section": "section",
    "fold": "fold",
    "weights_file": "weights",
    "weights_sha256": "their SHA-256",
    "threshold": "threshold",
    "flips": "flips",
    "min_area_mm2": "least area",
    "precision": "precision",
    "commit": "commit",
}
"""What a reader is told of an evaluation, in this order, by the names of its provenance."""


def remove_evaluation(folder: Path) -> None:
    """Remove the tables of an earlier evaluation, so that what is broken off never stands beside them.

    Raises:
        OSError: one cannot be removed.
    """
    for name in EVALUATION:
        (folder / name).unlink(missing_ok=True)


def write_per_image(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """One line per image and grid, sorted: `IDENTITY`, `FACTS`, `SCORES`, `COUNTS`; a missing score is ``nan``."""
    ordered = sorted(rows, key=lambda row: (row["grid"], row["image_id"]))
    write_csv(path, ordered, columns=(*IDENTITY, *FACTS, *SCORES, *COUNTS))


def read_per_image(path: Path) -> list[ScoreRow]:
    """Read what `write_per_image` wrote: scores as float, ``has_mass`` as bool, unknown identity as None.

    Facts are there where they are known. A score that an older table has no column for is NaN.

    Raises:
        WrongCallError: when there is no such file, a column is missing, or an image comes twice.
    """
    if not path.is_file():
        raise WrongCallError(f"{path} is not a file; give the per_image.csv that an evaluation wrote.")
    _, lines = read_csv(path, needed=[*(name for name in IDENTITY if name != "name"), "dice"])
    try:
        rows = [_parse_row(line) for line in lines]
    except ValueError as error:
        raise WrongCallError(f"{path} is no per_image.csv that an evaluation wrote: {error}") from error
    (often, times), *_ = Counter((row["image_id"], row["grid"]) for row in rows).most_common(1) or [(("", ""), 1)]
    if times > 1:
        image_id, grid = map(as_printable, often)
        raise WrongCallError(
            f"{path} has image {image_id} {times} times on the {grid} grid; an evaluation writes it once."
        )
    return rows


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[ScoreRow]:
    """Mean, sample standard deviation (n - 1), median and count of every score on every grid, and of `POOLED`.

    NaN scores are left out; ``counted_out`` says how many images that were. Of `POOLED` all are of batches; rows
    of older tables, without `COUNTS`, have none.
    """
    grids = {grid: [row for row in rows if row["grid"] == grid] for grid in dict.fromkeys(row["grid"] for row in rows)}
    return [
        {"metric": name, "grid": grid, **_describe(values)}
        for grid, on_grid in grids.items()
        for name, values in _group_by_metric(on_grid).items()
    ]


def count_masses(rows: Sequence[Mapping[str, Any]]) -> list[ScoreRow]:
    """Number of masses and of missed ones on each grid; none for rows without `COUNTS`."""
    counted = [row for row in rows if "masses" in row]
    return [
        {"grid": grid} | {name: sum(row[name] for row in counted if row["grid"] == grid) for name in COUNTS[-2:]}
        for grid in dict.fromkeys(row["grid"] for row in counted)
    ]


def write_summary(
    folder: Path,
    summary: Sequence[Mapping[str, Any]],
    *,
    provenance: Mapping[str, Any] | None,
    more: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> None:
    """Write `summarise`'s rows as ``summary.csv``, and with the provenance as ``summary.json`` (NaN becomes null).

    Args:
        more: other tables for ``summary.json``, by name.
    """
    columns = ("metric", "grid", "mean", "sd", "median", "count", "counted_out")
    write_csv(folder / "summary.csv", summary, columns=columns)
    tables = without_nan({"scores": summary, **(more or {})})
    write_json(folder / "summary.json", {"provenance": dict(provenance or {}), **tables})


def without_nan(content: Any) -> Any:
    """The same JSON values with None for every NaN, which JSON does not have."""
    if isinstance(content, Mapping):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content


def format_dice_lines(summary: Sequence[Mapping[str, Any]]) -> list[str]:
    """The mean Dice on each grid in words, over images and over pooled batches; none where no image has one."""
    words = {"dice": ("Dice", "image"), POOLED_DICE: (f"Dice pooled over batches of {BATCH}", "batch")}
    return [
        f"{words[row['metric']][0]} {row['mean']:.3f} on the {row['grid']} grid, "
        f"mean of {format_count(row['count'], words[row['metric']][1])}"
        for row in summary
        if row["metric"] in words and row["count"]
    ]


def format_mass_lines(summary: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """What a ``summary.json`` says of masses: how many have no predicted pixel, and how many a FROC curve has found.

    The curve is read at `SHOWN_FALSE_POSITIVES`; where it ends before, its end is said, once.
    """
    untouched = [
        f"Without a predicted pixel at the threshold: {row['missed_masses']} of {format_count(row['masses'], 'mass')}, "
        f"{row['grid']} grid"
        for row in summary["masses"]
        if row["masses"]
    ]
    found = [
        f"Found{_say_found(row)}, {row['grid']} grid"
        for row in summary["froc"]
        if row["rule"] == SHOWN_RULE and row["false_positives"] in SHOWN_FALSE_POSITIVES
    ]
    return untouched + list(dict.fromkeys(found))


def format_scores(metrics: Mapping[str, float]) -> list[str]:
    """Name and value of each, such as ``mean dice 0.5918``; MONAI names those of a validation with ``val_`` before."""
    return [f"{name.removeprefix('val_').replace('_', ' ')} {value:.4f}" for name, value in metrics.items()]


def _say_found(row: Mapping[str, Any]) -> str:
    if row["sensitivity"] is None:
        return f", whatever the threshold: {row['empty_because']}"
    at = f" at {format_count(row['false_positives'], 'false mark')} an image, whatever the threshold"
    return f"{at}: {row['sensitivity']:.3f} of the masses"


def read_provenance(evaluation: Path) -> dict[str, Any]:
    """What an evaluation says of where it comes from; empty where it is older than that, or says it in another form."""
    try:
        told = dict(read_json(evaluation / "summary.json", most_bytes=MOST_BYTES)["provenance"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    origins = told.get("started_from")
    origins = origins if isinstance(origins, list) else [origins]
    is_sound = all(isinstance(told.get(name), str | int | float | None) for name in WORDS)
    return told if is_sound and all(isinstance(origin, dict | None) for origin in origins) else {}


def say_provenance(provenance: Mapping[str, Any]) -> str:
    """What an evaluation says of itself, in one line; empty where it says nothing.

    Examples:
        >>> from mammoseg.evaluation.tables import say_provenance
        >>> say_provenance({"bundle": "unet", "threshold": 0.5, "flips": None})
        'bundle unet, threshold 0.5, flips none'
    """
    return ", ".join(
        f"{word} {'none' if provenance[name] is None else as_printable(provenance[name])}"
        for name, word in WORDS.items()
        if name in provenance and (provenance[name] is not None or name in ("flips", "min_area_mm2"))
    )


def _parse_row(line: Mapping[str, str]) -> ScoreRow:
    identity: ScoreRow = {name: line.get(name) or None for name in IDENTITY}
    facts = {name: kind(line[name]) for name, kind in FACTS.items() if line.get(name)}
    scores = {name: float(line[name]) if name in line else math.nan for name in SCORES}
    counts = {name: int(line[name]) for name in COUNTS if line.get(name)}
    return identity | {"has_mass": line["has_mass"] == "True"} | facts | scores | counts


def _group_by_metric(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Values of every score, one an image, and those of `POOLED`, one a batch."""
    values = {name: [row[name] for row in rows] for name in SCORES}
    batches: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        if "batch" in row:
            batches.setdefault(row["batch"], []).append(row)
    if batches:
        pixels = [[[row[name] for row in batch] for name in COUNTED_PIXELS] for batch in batches.values()]
        values |= {name: [compute(*counts) for counts in pixels] for name, compute in POOLED.items()}
    return values


def _describe(values: Sequence[float]) -> ScoreRow:
    finite = np.asarray(values, float)
    finite = finite[~np.isnan(finite)]
    return {
        "mean": float(finite.mean()) if finite.size else math.nan,
        "sd": float(finite.std(ddof=1)) if finite.size > 1 else math.nan,
        "median": float(np.median(finite)) if finite.size else math.nan,
        "count": finite.size,
        "counted_out": len(values) - finite.size,
    }
