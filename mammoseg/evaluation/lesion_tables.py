"""What marks of an evaluation found: ``marks.csv``, ``froc.csv``, ``froc_curve.csv``, ``reliability.csv`` and plots."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from mammoseg.csv_table import read_csv, write_csv
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.plots import plot_froc, plot_reliability
from mammoseg.evaluation.tables import ScoreRow
from mammoseg.metrics.froc import (
    FALSE_POSITIVES,
    RULES,
    SHOWN_RULE,
    FoundLesions,
    FrocCurve,
    bootstrap_froc,
    compute_froc,
)
from mammoseg.metrics.reliability import ReliabilityBin, compute_expected_calibration_error, compute_reliability

Found = Mapping[str, FoundLesions]
"""What the marks of one image found, by rule."""

FROC = ("grid", "rule", "false_positives", "sensitivity", "low", "high", "masses", "images", "empty_because")
"""Columns of ``froc.csv``; where there is no sensitivity, the last one has the reason."""

CURVE = ("grid", "rule", "false_positives", "sensitivity")
"""Columns of ``froc_curve.csv``: every point of the curves."""

MARKS = ("image_id", "grid", "rule", "what", "score")
"""Columns of ``marks.csv``: every mass and mark; a mass that no mark found has no score."""

WHAT = {"mass": "lesions", "mark beside": "false", "mark on a mass": "true"}
"""Words of ``marks.csv`` to the fields of `FoundLesions`."""


def write_lesion_tables(folder: Path, images: Mapping[str, Sequence[Found]]) -> dict[str, list[ScoreRow]]:
    """Write the three tables, ``froc.png`` and ``reliability.png``.

    Args:
        images: what was found in each image, by grid.

    Returns:
        For ``summary.json``: ``froc``, the rows of ``froc.csv``, and ``calibration``, a row a grid.
    """
    curves = {
        (grid, rule): compute_froc([found[rule] for found in of_grid])
        for grid, of_grid in images.items()
        for rule in RULES
    }
    points = [row for (grid, rule), curve in curves.items() for row in _list_froc_rows(grid, rule, curve, images[grid])]
    bins = {grid: _compute_bins(of_grid) for grid, of_grid in images.items()}
    write_csv(folder / "froc.csv", points, columns=FROC)
    write_csv(
        folder / "froc_curve.csv",
        [
            dict(zip(CURVE, (*key, *point), strict=True))
            for key, curve in curves.items()
            for point in _list_points(curve)
        ],
        columns=CURVE,
    )
    columns = ("grid", *ReliabilityBin.__dataclass_fields__)
    write_csv(
        folder / "reliability.csv",
        [{"grid": grid, **asdict(one)} for grid, of_grid in bins.items() for one in of_grid],
        columns=columns,
    )
    first = next(iter(images))
    plot_froc({f"hit by {rule}": _list_points(curves[first, rule]) for rule in RULES}, folder / "froc.png")
    plot_reliability({f"{grid} grid": of_grid for grid, of_grid in bins.items()}, folder / "reliability.png")
    calibration = [
        {"grid": grid, "marks": sum(one.marks for one in of_grid)}
        | {"expected_calibration_error": compute_expected_calibration_error(of_grid)}
        for grid, of_grid in bins.items()
    ]
    return {"froc": points, "calibration": calibration}


def write_marks(folder: Path, images: Iterable[tuple[ScoreRow, Found]]) -> None:
    """Write ``marks.csv``, of which `read_marks` makes the same again.

    Args:
        images: row of ``per_image.csv`` of each image and grid, and what was found there.
    """
    lines = [
        dict(zip(MARKS, (row["image_id"], row["grid"], rule, word, "" if score == -math.inf else score), strict=True))
        for row, found in images
        for rule in RULES
        for word, name in WHAT.items()
        for score in getattr(found[rule], name)
    ]
    write_csv(folder / "marks.csv", lines, columns=MARKS)


def read_marks(folder: Path, rows: Sequence[ScoreRow]) -> dict[str, list[Found]] | None:
    """What was found in each image by grid, as `write_lesion_tables` takes it; None where the evaluation is older.

    Args:
        folder: folder of the evaluation.
        rows: rows of its ``per_image.csv``, in whose order the images come.

    Raises:
        WrongCallError: the table has something else where a number belongs.
    """
    if not (folder / "marks.csv").is_file():
        return None
    _, lines = read_csv(folder / "marks.csv", needed=MARKS)
    scores: dict[tuple[str, ...], list[float]] = defaultdict(list)
    with _named(folder / "marks.csv"):
        for line in lines:
            *key, score = (line[name] for name in MARKS)
            scores[tuple(key)].append(float(score or -math.inf))
    found: dict[str, list[Found]] = {}
    for row in rows:
        image = {
            rule: FoundLesions(
                **{name: tuple(scores[row["image_id"], row["grid"], rule, word]) for word, name in WHAT.items()},
                group=row["patient_id"],
            )
            for rule in RULES
        }
        found.setdefault(row["grid"], []).append(image)
    return found


def read_froc(folder: Path) -> list[ScoreRow]:
    """Rows of the ``froc.csv`` of an evaluation, numbers as float; none where it is older than that."""
    if not (folder / "froc.csv").is_file():
        return []
    _, lines = read_csv(folder / "froc.csv", needed=FROC)
    numbers = ("false_positives", "sensitivity", "low", "high")
    with _named(folder / "froc.csv"):
        return [dict(line) | {name: float(line[name] or "nan") for name in numbers} for line in lines]


def read_curve(folder: Path, *, grid: str) -> list[tuple[float, float]]:
    """Points of the curve of `SHOWN_RULE` on a grid; none where the evaluation has none."""
    if not (folder / "froc_curve.csv").is_file():
        return []
    _, lines = read_csv(folder / "froc_curve.csv", needed=CURVE)
    with _named(folder / "froc_curve.csv"):
        return [
            (float(line["false_positives"]), float(line["sensitivity"]))
            for line in lines
            if (line["grid"], line["rule"]) == (grid, SHOWN_RULE)
        ]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Refuse a table with something else where a number belongs."""
    try:
        yield
    except ValueError as error:
        raise WrongCallError(f"{path} is no table that an evaluation wrote: {error}; evaluate again.") from error


def _list_froc_rows(grid: str, rule: str, curve: FrocCurve, images: Sequence[Found]) -> list[ScoreRow]:
    intervals = bootstrap_froc([found[rule] for found in images])
    rows: list[ScoreRow] = []
    for rate, interval in zip(FALSE_POSITIVES, intervals, strict=True):
        sensitivity = curve.find_sensitivity(rate)
        known = not math.isnan(sensitivity)
        values = (sensitivity, *interval) if known else (None, None, None)
        reason = "" if known else _say_why_empty(curve)
        rows.append(dict(zip(FROC, (grid, rule, rate, *values, curve.lesions, curve.images, reason), strict=True)))
    return rows


def _say_why_empty(curve: FrocCurve) -> str:
    if not curve.lesions:
        return "no image has a mass"
    return f"the curve ends at {curve.end:.3f} false marks an image, with {max(curve.sensitivity):.3f} found"


def _list_points(curve: FrocCurve) -> list[tuple[float, float]]:
    return list(zip(curve.false_positives, curve.sensitivity, strict=True))


def _compute_bins(images: Sequence[Found]) -> list[ReliabilityBin]:
    marks = [(score, right) for found in images for score, right in _judge_marks(found[SHOWN_RULE])]
    return compute_reliability([score for score, _ in marks], [right for _, right in marks])


def _judge_marks(found: FoundLesions) -> list[tuple[float, bool]]:
    """Score of each mark, and whether it is on a mass."""
    return [(score, True) for score in found.true] + [(score, False) for score in found.false]
