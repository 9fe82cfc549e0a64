"""``mammoseg compare``: several evaluations of the same images side by side, with a test of every pair."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from mammoseg.counts import count_of, format_number
from mammoseg.csv_table import write_csv
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.lesion_tables import SHOWN_RULE, read_curve, read_froc
from mammoseg.evaluation.plots import plot_froc, plot_score_boxes
from mammoseg.evaluation.statistics import bootstrap_mean_interval, holm_adjusted, wilcoxon_p_value
from mammoseg.evaluation.tables import (
    ScoreRow,
    count_masses,
    provenance_in_words,
    read_per_image,
    read_provenance,
    summarise,
)
from mammoseg.files import atomic_path, sole_writer
from mammoseg.metrics.scores import SCORES
from mammoseg.provenance import doubt_of, warn_of_doubt

NOTES = """Intervals: 95 % bootstrap of the mean, whole patients drawn with replacement. p: two-sided Wilcoxon
signed-rank test on the images that both runs scored; p_holm allows for all pairs of one score and grid. The test takes
images as independent, two views of one patient are not: read it together with the interval of the difference.
Rules of every number: docs/evaluation.md.
"""

LOCK = ".compare.lock"
"""In the output folder: two runs at once would leave tables of one beside the page of the other."""


def compare(*evaluations: str | Path, output: str | Path) -> tuple[list[ScoreRow], list[ScoreRow]]:
    """Compare evaluations; write ``runs.csv``, ``pairs.csv``, ``comparison.md`` and ``dice.png`` into `output`.

    Where the evaluations have a ``froc.csv``, those are joined in one, and drawn as ``froc.png``.

    Args:
        evaluations: two or more folders with a ``per_image.csv``, or these files; the folder of each names its run.
        output: folder, made when missing.

    Returns:
        Rows of ``runs.csv`` (mean and interval of each run) and of ``pairs.csv`` (difference and test of each pair).

    Raises:
        WrongCallError: with fewer than two files, the same file twice, a file of another kind, or no image in common.
        MammosegError: another run writes to the same folder.
    """
    paths = [path / "per_image.csv" if path.is_dir() else path for path in map(Path, evaluations)]
    different = len({path.resolve() for path in paths})
    if different < max(2, len(paths)):
        given = f"{count_of(different, 'evaluation')} named"
        raise WrongCallError(
            f"{given}, a comparison needs two or more that differ; name folders that `evaluate` wrote."
        )
    tables = dict(zip(_run_names(paths), [read_per_image(path) for path in paths], strict=True))
    runs = [row for name, rows in tables.items() for row in _describe_run(name, rows)]
    pairs = _compare_pairs(tables)
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
    print(f"Comparison: {folder / 'comparison.md'}; tables: {folder / 'runs.csv'}, {folder / 'pairs.csv'}")
    for name, provenance in origins.items():
        warn_of_doubt(provenance, run=name)
    return runs, pairs


def _run_names(paths: Sequence[Path]) -> list[str]:
    """The shortest end of each path's folder that tells all runs apart."""
    folders = [path.resolve().parent.parts for path in paths]
    for length in range(1, max(map(len, folders))):
        names = ["/".join(parts[-length:]) for parts in folders]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _describe_run(name: str, rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    return [{"run": name, **described, **_interval(rows, described)} for described in summarise(rows)]


def _interval(rows: Sequence[ScoreRow], described: Mapping[str, str]) -> ScoreRow:
    if described["metric"] not in SCORES:  # a draw of patients has no batches
        return {"mean_low": math.nan, "mean_high": math.nan}
    on_grid = [row for row in rows if row["grid"] == described["grid"]]
    low, high = bootstrap_mean_interval(
        [row[described["metric"]] for row in on_grid], [row["patient_id"] for row in on_grid]
    )
    return {"mean_low": low, "mean_high": high}


def _compare_pairs(tables: Mapping[str, Sequence[ScoreRow]]) -> list[ScoreRow]:
    grids = dict.fromkeys(row["grid"] for rows in tables.values() for row in rows)
    pairs: list[ScoreRow] = []
    for grid in grids:
        for score in SCORES:
            family = [
                _compare_pair(first, second, tables, score=score, grid=grid)
                for first, second in combinations(tables, 2)
            ]
            adjusted = holm_adjusted([pair["p"] for pair in family])
            pairs += [pair | {"p_holm": p} for pair, p in zip(family, adjusted, strict=True) if pair["images"]]
    return pairs


def _compare_pair(
    first: str, second: str, tables: Mapping[str, Sequence[ScoreRow]], *, score: str, grid: str
) -> ScoreRow:
    ours, theirs = ({row["image_id"]: row for row in tables[run] if row["grid"] == grid} for run in (first, second))
    common = [
        image_id
        for image_id in ours
        if image_id in theirs and not math.isnan(ours[image_id][score] + theirs[image_id][score])
    ]
    differences = [ours[image_id][score] - theirs[image_id][score] for image_id in common]
    low, high = bootstrap_mean_interval(differences, [ours[image_id]["patient_id"] for image_id in common])
    return {
        "first": first,
        "second": second,
        "metric": score,
        "grid": grid,
        "images": len(common),
        "mean_difference": sum(differences) / len(common) if common else math.nan,
        "difference_low": low,
        "difference_high": high,
        "p": wilcoxon_p_value(differences, [0.0] * len(common)),
    }


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


def _curves(tables: Mapping[str, Sequence[ScoreRow]], paths: Sequence[Path]) -> dict[str, list[tuple[float, float]]]:
    """Curve of each run that has one, on the grid that the box plot shows."""
    curves = {
        name: read_curve(path.parent, grid=_shown_grid(rows))
        for (name, rows), path in zip(tables.items(), paths, strict=True)
    }
    return {name: points for name, points in curves.items() if points}


def _lesions(tables: Mapping[str, Sequence[ScoreRow]], froc: Sequence[ScoreRow]) -> str:
    """Missed masses of the runs, and those found by false marks an image; empty where no run counted any."""
    missed = [{"run": name, **counted} for name, rows in tables.items() for counted in count_masses(rows)]
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
