"""What the report of a comparison says beside its tables of runs and pairs: subgroups, speed, origins, pictures."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mammoseg.counts import format_count
from mammoseg.csv_table import write_csv
from mammoseg.evaluation.agreement import collect_areas, describe_agreement
from mammoseg.evaluation.comparison_plots import plot_bland_altman, plot_ecdf, plot_learning_curves, plot_speed
from mammoseg.evaluation.comparison_report import describe_page_machine, write_comparison_report
from mammoseg.evaluation.good_enough import count_good_enough
from mammoseg.evaluation.pairs import Aligned
from mammoseg.evaluation.plots import find_training_log
from mammoseg.evaluation.reporting_items import list_reporting_items
from mammoseg.evaluation.speeds import list_speeds
from mammoseg.evaluation.statistics import RESAMPLES
from mammoseg.evaluation.subgroups import compare_in_subgroups, describe_subgroups
from mammoseg.evaluation.tables import ScoreRow, count_masses
from mammoseg.files import hash_file
from mammoseg.metrics.choose_threshold import RESAMPLES as FROC_RESAMPLES
from mammoseg.metrics.froc import SHOWN_RULE
from mammoseg.provenance import find_doubt, find_warning, format_command_line


def write_report(
    folder: Path,
    tables: Mapping[str, Sequence[ScoreRow]],
    paths: Sequence[Path],
    *,
    shown: Aligned,
    runs: Sequence[ScoreRow],
    pairs: Sequence[ScoreRow],
    froc: Sequence[ScoreRow],
    speed: Sequence[ScoreRow],
    provenance: Mapping[str, Mapping[str, Any]],
    remarks: Sequence[str],
) -> Path:
    """Write what stands in the report alone: its tables, its pictures, the page and its JSON.

    Args:
        folder: where it goes, and where ``dice.png`` and ``froc.png`` may stand already.
        tables: rows of ``per_image.csv`` by run.
        paths: the files that these were read from.
        shown: the runs on the grid that is shown.
        runs: rows of ``runs.csv``.
        pairs: rows of ``pairs.csv``.
        froc: rows of ``froc.csv``, none where no run counted lesions.
        speed: rows of the benchmark, see `read_speeds`.
        provenance: what each run's evaluation tells of itself, see `read_provenance`.
        remarks: sentences that the page begins with.
    Returns:
        Path of ``report.html``.
    """
    folders = dict(zip(tables, (path.parent for path in paths), strict=True))
    details: dict[str, Sequence[ScoreRow]] = {
        "good_enough": count_good_enough(tables, grid=shown.grid),
        "agreement": describe_agreement(tables, grid=shown.grid),
        "subgroups": describe_subgroups(shown),
        "subgroup_pairs": compare_in_subgroups(shown),
        "speed": list_speeds(speed, provenance, runs, grid=shown.grid),
    }
    for name, rows in details.items():
        if rows:
            write_csv(folder / f"{name}.csv", rows)
    content: dict[str, Any] = {
        "title": f"Comparison of {format_count(len(tables), 'run')}",
        "date": f"{datetime.now():%Y-%m-%d}",
        "grid": shown.grid,
        "counts": f"{format_count(len(shown.rows), 'image')} of "
        + format_count(len(set(shown.patients) - {None}), "patient"),
        "warnings": [*remarks, *_collect_warnings(provenance)],
        "runs": runs,
        "pairs": pairs,
        "dice_pairs": sum(pair["metric"] == "dice" and pair["grid"] == shown.grid for pair in pairs),
        **details,
        "masses": count_missed_masses(tables),
        "froc": [row for row in froc if (row["rule"], row["grid"]) == (SHOWN_RULE, shown.grid)],
        "made": {
            "command": format_command_line(),
            "statistics": f"bootstrap of {RESAMPLES} draws of whole patients ({FROC_RESAMPLES} for masses found), "
            "seed 0; percentiles 2.5 and 97.5",
            "machine": describe_page_machine(),
            "tables_sha256": {name: hash_file(path) for name, path in zip(tables, paths, strict=True)},
            "provenance": provenance,
        },
        "items": list_reporting_items(shown, runs=runs, provenance=provenance),
    }
    return write_comparison_report(
        folder,
        content,
        aligned=shown,
        pictures=_draw(folder, tables, folders, shown=shown, details=details),
        galleries=_find_galleries(folders),
    )


def count_missed_masses(tables: Mapping[str, Sequence[ScoreRow]]) -> list[ScoreRow]:
    """How many masses each run missed, a row a run and grid; none where no run counted any."""
    return [{"run": name, **counted} for name, rows in tables.items() for counted in count_masses(rows)]


def _draw(
    folder: Path,
    tables: Mapping[str, Sequence[ScoreRow]],
    folders: Mapping[str, Path],
    *,
    shown: Aligned,
    details: Mapping[str, Sequence[ScoreRow]],
) -> dict[str, Path]:
    """Draw what the tables have; the picture of each section that gets one."""
    pictures = {"boxes": folder / "dice.png", "ecdf": folder / "ecdf.png"}
    plot_ecdf(dict(zip(shown.runs, shown.get_values("dice").tolist(), strict=True)), pictures["ecdf"], label="Dice")
    if described := {row["run"] for row in details["agreement"]}:
        pictures["area"] = folder / "area.png"
        areas = {name: collect_areas(rows, grid=shown.grid) for name, rows in tables.items() if name in described}
        plot_bland_altman(areas, pictures["area"])
    if logs := {name: log for name, of_run in folders.items() if (log := find_training_log(of_run))}:
        pictures["learning"] = folder / "learning_curves.png"
        plot_learning_curves(logs, pictures["learning"])
    if speeds := details["speed"]:
        pictures["speed"] = folder / "speed.png"
        points = {row["run"]: (row["images_per_second"], row["dice"]) for row in speeds}
        plot_speed(points, pictures["speed"], device=speeds[0]["device"])
    if (folder / "froc.png").is_file():
        pictures["froc"] = folder / "froc.png"
    return pictures


def _find_galleries(folders: Mapping[str, Path]) -> dict[str, Path]:
    """The picture of cases of each run that has one."""
    return {run: cases for run, folder in folders.items() if (cases := folder / "cases.png").is_file()}


def _collect_warnings(provenance: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What must be said of the runs, each sentence once, with the runs that it is about."""
    about: dict[str, list[str]] = {}
    for run, told in provenance.items():
        for sentence in filter(None, (find_warning(told), find_doubt(told))):
            about.setdefault(sentence, []).append(run)
    return [f"{', '.join(runs)}: {sentence}" for sentence, runs in about.items()]
