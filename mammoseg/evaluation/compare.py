"""``mammoseg compare``: several evaluations of the same images side by side, with a test of every pair."""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.counts import count_of, format_number
from mammoseg.csv_table import write_csv
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.agreement import areas_of, describe_agreement
from mammoseg.evaluation.comparison_plots import plot_bland_altman, plot_ecdf, plot_learning_curves, plot_speed
from mammoseg.evaluation.comparison_report import machine, write_comparison_report
from mammoseg.evaluation.good_enough import count_good_enough
from mammoseg.evaluation.lesion_tables import SHOWN_RULE, read_curve, read_froc
from mammoseg.evaluation.pairs import Aligned, align, compare_pairs
from mammoseg.evaluation.plots import find_training_log, plot_froc, plot_score_boxes
from mammoseg.evaluation.reporting_items import reporting_items
from mammoseg.evaluation.speeds import read_speeds, speeds_of_runs
from mammoseg.evaluation.statistics import bootstrap_mean_intervals
from mammoseg.evaluation.subgroups import compare_in_subgroups, describe_subgroups
from mammoseg.evaluation.tables import (
    ScoreRow,
    count_masses,
    provenance_in_words,
    read_per_image,
    read_provenance,
    summarise,
)
from mammoseg.files import atomic_path, sha256_of_file, sole_writer
from mammoseg.metrics.scores import SCORES
from mammoseg.provenance import doubt_of, warn_of_doubt, warning_of

NOTES = """Intervals: 95 % bootstrap of the mean, whole patients drawn with replacement. p: two-sided Wilcoxon
signed-rank test on the images that both runs scored; p_holm allows for all pairs of one score and grid. The test takes
images as independent, two views of one patient are not: read it together with the interval of the difference.
Rules of every number: docs/evaluation.md.
"""

LOCK = ".compare.lock"
"""In the output folder: two runs at once would leave tables of one beside the page of the other."""


def compare(
    *evaluations: str | Path, output: str | Path, speed: str | Path | None = None
) -> tuple[list[ScoreRow], list[ScoreRow]]:
    """Compare evaluations; write tables, pictures, ``comparison.md``, ``report.html``, ``report.json`` into `output`.

    Where the evaluations have a ``froc.csv``, those are joined in one, and drawn as ``froc.png``; a training log
    (``metrics.csv``) and a picture of cases (``cases.png``, which `report` writes) beside them go into the report;
    the log of a run of a plan is found where `mammoseg run` puts it.

    Args:
        evaluations: two or more folders with a ``per_image.csv``, or these files; the folder of each names its run.
        output: folder, made when missing.
        speed: JSON that ``scripts/benchmark.py networks --json`` wrote, for speed against Dice; None leaves it out.

    Returns:
        Rows of ``runs.csv`` (mean and interval of each run) and of ``pairs.csv`` (difference and test of each pair).

    Raises:
        WrongCallError: with fewer than two files, the same file twice, a file of another kind, or no image in common;
            or `speed` is another kind of file.
        MammosegError: another run writes to the same folder.
    """
    paths = [path / "per_image.csv" if path.is_dir() else path for path in map(Path, evaluations)]
    different = len({path.resolve() for path in paths})
    if different < max(2, len(paths)):
        given = f"{count_of(different, 'evaluation')} named"
        raise WrongCallError(
            f"{given}, a comparison needs two or more that differ; name folders that `evaluate` wrote."
        )
    speeds = read_speeds(Path(speed)) if speed is not None else []
    tables = dict(zip(_run_names(paths), [read_per_image(path) for path in paths], strict=True))
    runs = [row for name, rows in tables.items() for row in _describe_run(name, rows)]
    grids = dict.fromkeys(row["grid"] for rows in tables.values() for row in rows)
    aligned = {grid: align(tables, grid=grid) for grid in grids}
    pairs = [pair for of_grid in aligned.values() for pair in compare_pairs(of_grid)]
    if not pairs:
        raise WrongCallError("the files have no image on the same grid in common; evaluate both on the same section.")
    folder = Path(output)
    print(*_dice_lines(pairs), sep="\n")
    boxes = {name: _scores(rows, "dice") for name, rows in tables.items()}
    froc = [{"run": name, **row} for name, path in zip(tables, paths, strict=True) for row in read_froc(path.parent)]
    curves = _curves(tables, paths)
    origins = {name: read_provenance(path.parent) for name, path in zip(tables, paths, strict=True)}
    with sole_writer(folder, folder / LOCK):
        write_csv(folder / "runs.csv", runs)
        write_csv(folder / "pairs.csv", pairs)
        plot_score_boxes(boxes, folder / "dice.png", label="Dice")
        if curves:
            write_csv(folder / "froc.csv", froc)
            plot_froc(curves, folder / "froc.png")
        with atomic_path(folder / "comparison.md") as temporary:
            page = _markdown(runs, pairs, _origins(origins)) + _lesions(tables, froc if curves else [])
            temporary.write_text(page, encoding="utf-8")
        shown = aligned[_shown_grid(list(chain.from_iterable(tables.values())))]
        report = _write_report(folder, tables, paths, shown=shown, runs=runs, pairs=pairs, froc=froc, speed=speeds)
    print(f"Comparison: {folder / 'comparison.md'}; tables: {folder / 'runs.csv'}, {folder / 'pairs.csv'}")
    print(f"Report: {report}")
    for name, provenance in origins.items():
        warn_of_doubt(provenance, run=name)
    return runs, pairs


def _run_names(paths: Sequence[Path]) -> list[str]:
    """The shortest end of each path's folder that tells all runs apart, without an end that all of them have."""
    folders = [path.resolve().parent.parts for path in paths]
    while min(map(len, folders)) > 1 and len({parts[-1] for parts in folders}) == 1:
        folders = [parts[:-1] for parts in folders]
    for length in range(1, max(map(len, folders))):
        names = ["/".join(parts[-length:]) for parts in folders]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _describe_run(name: str, rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    intervals = _intervals(rows)
    described: list[ScoreRow] = []
    for row in summarise(rows):
        low, high = intervals.get((row["grid"], row["metric"]), (math.nan, math.nan))
        described.append({"run": name, **row, "mean_low": low, "mean_high": high})
    return described


def _intervals(rows: Sequence[ScoreRow]) -> dict[tuple[str, str], list[float]]:
    """Ends of the interval of the mean, by grid and score; a draw of patients has no batches, so `POOLED` has none."""
    ends: dict[tuple[str, str], list[float]] = {}
    for grid in dict.fromkeys(row["grid"] for row in rows):
        on_grid = [row for row in rows if row["grid"] == grid]
        values = np.array([[row[score] for score in SCORES] for row in on_grid])
        intervals = bootstrap_mean_intervals(values, [row["patient_id"] for row in on_grid]).tolist()
        ends |= {(grid, score): interval for score, interval in zip(SCORES, intervals, strict=True)}
    return ends


def _scores(rows: Sequence[ScoreRow], score: str) -> list[float]:
    """One value an image, on the grid that is shown."""
    grid = _shown_grid(rows)
    return [row[score] for row in rows if row["grid"] == grid and not math.isnan(row[score])]


def _shown_grid(rows: Sequence[ScoreRow]) -> str:
    """Network size where the run has that grid."""
    return "network" if any(row["grid"] == "network" for row in rows) else "original"


def _dice_lines(pairs: Sequence[ScoreRow]) -> Iterator[str]:
    for pair in pairs:
        if pair["metric"] == "dice":
            low, high, p = (format_number(pair[name]) for name in ("difference_low", "difference_high", "p_holm"))
            yield (
                f"{pair['first']} - {pair['second']}: Dice {pair['mean_difference']:+.3f} ({low} to {high}) on the "
                f"{pair['grid']} grid, p {p}, {count_of(pair['images'], 'image')}"
            )


def _origins(origins: Mapping[str, Mapping[str, Any]]) -> str:
    """A line a run: bundle, data, weights and settings, as its evaluation tells them; and what speaks against it."""
    lines = [
        f"- {name}: {provenance_in_words(told) or 'its summary.json is missing'}" for name, told in origins.items()
    ]
    lines += [f"- WARNING, {name}: {doubt}" for name, told in origins.items() if (doubt := doubt_of(told))]
    return "\n".join(
        [f"Date: {datetime.now():%Y-%m-%d}. Tables: [runs.csv](runs.csv), [pairs.csv](pairs.csv).", "", *lines, ""]
    )


def _markdown(runs: Sequence[ScoreRow], pairs: Sequence[ScoreRow], origins: str) -> str:
    scored = [row for row in runs if row["count"]]
    sections = [
        "# Comparison\n",
        origins,
        NOTES,
        "## Runs\n",
        _table(scored),
        "## Pairs\n",
        _table(pairs),
        "![Dice](dice.png)\n",
    ]
    return "\n".join(sections)


def _write_report(
    folder: Path,
    tables: Mapping[str, Sequence[ScoreRow]],
    paths: Sequence[Path],
    *,
    shown: Aligned,
    runs: Sequence[ScoreRow],
    pairs: Sequence[ScoreRow],
    froc: Sequence[ScoreRow],
    speed: Sequence[ScoreRow],
) -> Path:
    """Write what stands in the report alone: its tables, its pictures, the page and its JSON."""
    folders = dict(zip(tables, (path.parent for path in paths), strict=True))
    provenance = {name: read_provenance(of_run) for name, of_run in folders.items()}
    subgroups, in_subgroups = describe_subgroups(shown), compare_in_subgroups(shown)
    good_enough, agreement = count_good_enough(tables, grid=shown.grid), describe_agreement(tables, grid=shown.grid)
    speeds = speeds_of_runs(speed, provenance, runs, grid=shown.grid)
    for name, rows in (
        ("good_enough", good_enough),
        ("agreement", agreement),
        ("subgroups", subgroups),
        ("subgroup_pairs", in_subgroups),
        ("speed", speeds),
    ):
        if rows:
            write_csv(folder / f"{name}.csv", rows)
    pictures = {"boxes": folder / "dice.png", "ecdf": folder / "ecdf.png"}
    plot_ecdf(dict(zip(shown.runs, shown.of("dice").tolist(), strict=True)), pictures["ecdf"], label="Dice")
    if agreement:
        pictures["area"] = folder / "area.png"
        described = {row["run"] for row in agreement}
        plot_bland_altman(
            {name: areas_of(rows, grid=shown.grid) for name, rows in tables.items() if name in described},
            pictures["area"],
        )
    if logs := {name: log for name, of_run in folders.items() if (log := find_training_log(of_run))}:
        pictures["learning"] = folder / "learning_curves.png"
        plot_learning_curves(logs, pictures["learning"])
    if speeds:
        pictures["speed"] = folder / "speed.png"
        points = {row["run"]: (row["images_per_second"], row["dice"]) for row in speeds}
        plot_speed(points, pictures["speed"], device=speeds[0]["device"])
    if (folder / "froc.png").is_file():
        pictures["froc"] = folder / "froc.png"
    content: dict[str, Any] = {
        "title": f"Comparison of {count_of(len(tables), 'run')}",
        "date": f"{datetime.now():%Y-%m-%d}",
        "grid": shown.grid,
        "counts": f"{count_of(len(shown.rows), 'image')} of " + count_of(len(set(shown.patients) - {None}), "patient"),
        "warnings": _warnings(provenance),
        "runs": runs,
        "pairs": pairs,
        "dice_pairs": sum(pair["metric"] == "dice" and pair["grid"] == shown.grid for pair in pairs),
        "good_enough": good_enough,
        "agreement": agreement,
        "subgroups": subgroups,
        "subgroup_pairs": in_subgroups,
        "masses": _missed(tables),
        "froc": [row for row in froc if (row["rule"], row["grid"]) == (SHOWN_RULE, shown.grid)],
        "speed": speeds,
        "made": {
            "command": shlex.join(["mammoseg", "compare", *(str(path.parent) for path in paths), "-o", str(folder)]),
            "statistics": "bootstrap of 2000 draws of whole patients, seed 0; percentiles 2.5 and 97.5",
            "machine": machine(),
            "tables_sha256": {name: sha256_of_file(path) for name, path in zip(tables, paths, strict=True)},
            "provenance": provenance,
        },
        "items": reporting_items(shown, runs=runs, provenance=provenance),
    }
    galleries = {name: cases for name, of_run in folders.items() if (cases := of_run / "cases.png").is_file()}
    return write_comparison_report(folder, content, aligned=shown, pictures=pictures, galleries=galleries)


def _warnings(provenance: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What must be said of the runs, each sentence once, with the runs that it is about."""
    about: dict[str, list[str]] = {}
    for run, told in provenance.items():
        for sentence in filter(None, (warning_of(told), doubt_of(told))):
            about.setdefault(sentence, []).append(run)
    return [f"{', '.join(runs)}: {sentence}" for sentence, runs in about.items()]


def _missed(tables: Mapping[str, Sequence[ScoreRow]]) -> list[ScoreRow]:
    return [{"run": name, **counted} for name, rows in tables.items() for counted in count_masses(rows)]


def _curves(tables: Mapping[str, Sequence[ScoreRow]], paths: Sequence[Path]) -> dict[str, list[tuple[float, float]]]:
    """Curve of each run that has one, on the grid that the box plot shows."""
    curves = {
        name: read_curve(path.parent, grid=_shown_grid(rows))
        for (name, rows), path in zip(tables.items(), paths, strict=True)
    }
    return {name: points for name, points in curves.items() if points}


def _lesions(tables: Mapping[str, Sequence[ScoreRow]], froc: Sequence[ScoreRow]) -> str:
    """Missed masses of the runs, and those found by false marks an image; empty where no run counted any."""
    missed = _missed(tables)
    sections = ["", "## Missed masses\n", _table(missed)] if missed else []
    if froc:
        shown = [row for row in froc if row["rule"] == SHOWN_RULE]
        sections += ["## Masses found by false marks an image\n", _table(shown)]
        sections += ["All rules: [froc.csv](froc.csv).\n", "![FROC](froc.png)\n"]
    return "\n".join(sections)


def _table(rows: Sequence[ScoreRow]) -> str:
    """A markdown table whose columns are the keys of the first row."""
    cells = [list(rows[0]), ["---"] * len(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells) + "\n"


def _cell(value: object) -> str:
    return format_number(value) if isinstance(value, float) else str(value)
