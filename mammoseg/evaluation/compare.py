"""``mammoseg compare``: several evaluations of the same images side by side, with a test of every pair."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from mammoseg.counts import format_count, format_number
from mammoseg.csv_table import write_csv
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.comparison_content import write_report
from mammoseg.evaluation.comparison_markdown import write_markdown
from mammoseg.evaluation.lesion_tables import read_curve, read_froc
from mammoseg.evaluation.pairs import align, compare_pairs
from mammoseg.evaluation.plots import plot_froc, plot_score_boxes
from mammoseg.evaluation.speeds import read_speeds
from mammoseg.evaluation.statistics import bootstrap_mean_intervals
from mammoseg.evaluation.tables import ScoreRow, read_per_image, read_provenance, summarise
from mammoseg.files import sole_writer
from mammoseg.metrics.scores import SCORES
from mammoseg.provenance import warn_of_doubt

LOCK = ".compare.lock"
"""In the output folder: two runs at once would leave tables of one beside the page of the other."""

WRITTEN = (
    *("report.html", "report.json", "comparison.md", "runs.csv", "pairs.csv", "froc.csv"),
    *("good_enough.csv", "agreement.csv", "subgroups.csv", "subgroup_pairs.csv", "speed.csv"),
    *("dice.png", "ecdf.png", "area.png", "froc.png", "learning_curves.png", "speed.png"),
)
"""All that a comparison may write. An earlier one's goes first: what the next has no data for would stay."""


def compare(
    *evaluations: str | Path, output: str | Path, speed: str | Path | None = None, remarks: Sequence[str] = ()
) -> tuple[list[ScoreRow], list[ScoreRow]]:
    """Compare evaluations; write tables, pictures, ``comparison.md``, ``report.html``, ``report.json`` into `output`.

    Where the evaluations have a ``froc.csv``, those are joined in one, and drawn as ``froc.png``; a training log
    (``metrics.csv``) and a picture of cases (``cases.png``, which `report` writes) beside them go into the report;
    the log of a run of a plan is found where `mammoseg run` puts it.

    Args:
        evaluations: two or more folders with a ``per_image.csv``, or these files; the folder of each names its run.
        output: folder, made when missing; of an earlier comparison nothing stays there.
        speed: JSON that ``scripts/benchmark.py networks --json`` wrote, for speed against Dice; None leaves it out.
        remarks: sentences that the report and ``comparison.md`` begin with, such as under which budget runs were made.

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
        given = f"{format_count(different, 'evaluation')} named"
        raise WrongCallError(
            f"{given}, a comparison needs two or more that differ; name folders that `evaluate` wrote."
        )
    speeds = read_speeds(Path(speed)) if speed is not None else []
    tables = dict(zip(_name_runs(paths), [read_per_image(path) for path in paths], strict=True))
    runs = [row for name, rows in tables.items() for row in _describe_run(name, rows)]
    grids = dict.fromkeys(row["grid"] for rows in tables.values() for row in rows)
    aligned = {grid: align(tables, grid=grid) for grid in grids}
    pairs = [pair for of_grid in aligned.values() for pair in compare_pairs(of_grid)]
    if not pairs:
        raise WrongCallError("the files have no image on the same grid in common; evaluate both on the same section.")
    folder = Path(output)
    print(*_say_dice(pairs), sep="\n")
    boxes = {name: _list_scores(rows, "dice") for name, rows in tables.items()}
    froc = [{"run": name, **row} for name, path in zip(tables, paths, strict=True) for row in read_froc(path.parent)]
    curves = _read_curves(tables, paths)
    origins = {name: read_provenance(path.parent) for name, path in zip(tables, paths, strict=True)}
    with sole_writer(folder, folder / LOCK):
        for name in WRITTEN:
            (folder / name).unlink(missing_ok=True)
        write_csv(folder / "runs.csv", runs)
        write_csv(folder / "pairs.csv", pairs)
        plot_score_boxes(boxes, folder / "dice.png", label="Dice")
        if curves:
            write_csv(folder / "froc.csv", froc)
            plot_froc(curves, folder / "froc.png")
        counted = froc if curves else []
        write_markdown(
            folder / "comparison.md",
            runs=runs,
            pairs=pairs,
            tables=tables,
            froc=counted,
            origins=origins,
            remarks=remarks,
        )
        shown = aligned[_choose_grid(list(chain.from_iterable(tables.values())))]
        report = write_report(
            folder,
            tables,
            paths,
            shown=shown,
            runs=runs,
            pairs=pairs,
            froc=counted,
            speed=speeds,
            provenance=origins,
            remarks=remarks,
        )
    print(f"Comparison: {folder / 'comparison.md'}; tables: {folder / 'runs.csv'}, {folder / 'pairs.csv'}")
    print(f"Report: {report}")
    for name, provenance in origins.items():
        warn_of_doubt(provenance, run=name)
    return runs, pairs


def _name_runs(paths: Sequence[Path]) -> list[str]:
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
    intervals = _bootstrap_intervals(rows)
    described: list[ScoreRow] = []
    for row in summarise(rows):
        low, high = intervals.get((row["grid"], row["metric"]), (math.nan, math.nan))
        described.append({"run": name, **row, "mean_low": low, "mean_high": high})
    return described


def _bootstrap_intervals(rows: Sequence[ScoreRow]) -> dict[tuple[str, str], list[float]]:
    """Ends of the interval of the mean, by grid and score; a draw of patients has no batches, so `POOLED` has none."""
    ends: dict[tuple[str, str], list[float]] = {}
    for grid in dict.fromkeys(row["grid"] for row in rows):
        on_grid = [row for row in rows if row["grid"] == grid]
        values = np.array([[row[score] for score in SCORES] for row in on_grid])
        intervals = bootstrap_mean_intervals(values, [row["patient_id"] for row in on_grid]).tolist()
        ends |= {(grid, score): interval for score, interval in zip(SCORES, intervals, strict=True)}
    return ends


def _list_scores(rows: Sequence[ScoreRow], score: str) -> list[float]:
    """One value an image, on the grid that is shown."""
    grid = _choose_grid(rows)
    return [row[score] for row in rows if row["grid"] == grid and not math.isnan(row[score])]


def _choose_grid(rows: Sequence[ScoreRow]) -> str:
    """Network size where the run has that grid."""
    return "network" if any(row["grid"] == "network" for row in rows) else "original"


def _say_dice(pairs: Sequence[ScoreRow]) -> Iterator[str]:
    for pair in pairs:
        if pair["metric"] == "dice":
            low, high, p = (format_number(pair[name]) for name in ("difference_low", "difference_high", "p_holm"))
            yield (
                f"{pair['first']} - {pair['second']}: Dice {pair['mean_difference']:+.3f} ({low} to {high}) on the "
                f"{pair['grid']} grid, p {p}, {format_count(pair['images'], 'image')}"
            )


def _read_curves(
    tables: Mapping[str, Sequence[ScoreRow]], paths: Sequence[Path]
) -> dict[str, list[tuple[float, float]]]:
    """Curve of each run that has one, on the grid that the box plot shows."""
    curves = {
        name: read_curve(path.parent, grid=_choose_grid(rows))
        for (name, rows), path in zip(tables.items(), paths, strict=True)
    }
    return {name: points for name, points in curves.items() if points}
