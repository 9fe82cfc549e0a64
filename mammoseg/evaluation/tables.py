"""``per_image.csv`` and ``summary.{csv,json}``: the tables that an evaluation leaves behind."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.counts import count_of
from mammoseg.csv_table import read_csv, write_csv
from mammoseg.errors import WrongCallError
from mammoseg.files import write_json
from mammoseg.metrics.scores import SCORES

Row = dict[str, Any]

IDENTITY = ("image_id", "name", "patient_id", "laterality", "view", "has_mass", "grid")
"""Columns before the scores; ``grid`` is "network" (the papers' protocol) or "original" (the pixels of the file).

``name`` is the path in the source, empty where the datalist does not show it; older tables lack the column.
"""


def write_per_image(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """One line per image and grid, sorted, with the columns `IDENTITY` and `SCORES`; a missing score is ``nan``."""
    ordered = sorted(rows, key=lambda row: (row["grid"], row["image_id"]))
    write_csv(path, ordered, columns=(*IDENTITY, *SCORES))


def read_per_image(path: Path) -> list[Row]:
    """Read what `write_per_image` wrote: scores as float, ``has_mass`` as bool, unknown identity as None.

    Raises:
        WrongCallError: when there is no such file or a column is missing.
    """
    if not path.is_file():
        raise WrongCallError(f"{path} is not a file; give the per_image.csv that an evaluation wrote.")
    _, lines = read_csv(path, needed=[name for name in (*IDENTITY, *SCORES) if name != "name"])
    try:
        return [_parsed(line) for line in lines]
    except ValueError as error:
        raise WrongCallError(f"{path} is no per_image.csv that an evaluation wrote: {error}") from error


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Mean, sample standard deviation (n - 1), median and count of every score on every grid.

    NaN scores are left out; ``counted_out`` says how many images that were.
    """
    grids = dict.fromkeys(row["grid"] for row in rows)
    return [
        {"metric": name, "grid": grid, **_describe([row[name] for row in rows if row["grid"] == grid])}
        for grid in grids
        for name in SCORES
    ]


def write_summary(folder: Path, summary: Sequence[Mapping[str, Any]], *, provenance: Mapping[str, Any] | None) -> None:
    """Write `summarise`'s rows as ``summary.csv``, and with the provenance as ``summary.json`` (NaN becomes null)."""
    columns = ("metric", "grid", "mean", "sd", "median", "count", "counted_out")
    write_csv(folder / "summary.csv", summary, columns=columns)
    scores = [{key: _json_number(value) for key, value in row.items()} for row in summary]
    write_json(folder / "summary.json", {"provenance": dict(provenance or {}), "scores": scores})


def dice_lines(summary: Sequence[Mapping[str, Any]]) -> list[str]:
    """The mean Dice on each grid in words; none where no image has one."""
    return [
        f"Dice {row['mean']:.3f} on the {row['grid']} grid, mean of {count_of(row['count'], 'image')}"
        for row in summary
        if row["metric"] == "dice" and row["count"]
    ]


def read_provenance(evaluation: Path) -> dict[str, Any]:
    """What an evaluation says of where it comes from; empty where it is older than that."""
    try:
        return dict(json.loads((evaluation / "summary.json").read_text(encoding="utf-8"))["provenance"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _parsed(line: Mapping[str, str]) -> Row:
    identity: Row = {name: line.get(name) or None for name in IDENTITY}
    return identity | {"has_mass": line["has_mass"] == "True"} | {name: float(line[name]) for name in SCORES}


def _describe(values: Sequence[float]) -> Row:
    finite = np.asarray(values, float)
    finite = finite[~np.isnan(finite)]
    return {
        "mean": float(finite.mean()) if finite.size else math.nan,
        "sd": float(finite.std(ddof=1)) if finite.size > 1 else math.nan,
        "median": float(np.median(finite)) if finite.size else math.nan,
        "count": finite.size,
        "counted_out": len(values) - finite.size,
    }


def _json_number(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
