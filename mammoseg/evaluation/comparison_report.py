"""``report.html`` and ``report.json`` of a comparison: one page with all in it, for a screen, a phone and paper."""

import base64
import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.evaluation.page import LABELS, TEMPLATES, flatten
from mammoseg.evaluation.pairs import Aligned
from mammoseg.evaluation.reporting_items import LEFT_TO_AUTHORS
from mammoseg.evaluation.tables import ScoreRow, without_nan
from mammoseg.files import write_json
from mammoseg.pages.html import write_html
from mammoseg.provenance import describe_machine

HEADLINE = ("dice", "iou", "sensitivity", "precision", "hausdorff_px", "hausdorff_points_px", "hausdorff_rows")
"""Scores of the first table, means with intervals."""

MOST_PAIRS = 45
"""Pairs that the page shows, all of ten runs; of more it shows those with the best run."""

MOST_RUNS_WITH_INTERVALS = 4
"""Runs side by side in a subgroup table with an interval each; more would not fit a page."""


def describe_page_machine() -> dict[str, str]:
    """What the page says of the computer that made it."""
    versions = {name: importlib.metadata.version(name) for name in ("mammoseg", "numpy", "scipy")}
    return {**describe_machine(), **versions}


def write_comparison_report(
    folder: Path,
    content: Mapping[str, Any],
    *,
    aligned: Aligned,
    pictures: Mapping[str, Path],
    galleries: Mapping[str, Path],
) -> Path:
    """Write both files; the page has its pictures in it, asks for nothing from anywhere, and runs no script.

    Args:
        folder: where they go.
        content: JSON values of ``report.json``, from which the page is made.
        aligned: the runs on the grid that is shown.
        pictures: PNG files by the name of the section that shows them: ``boxes``, ``ecdf``, ``area``, ``froc``,
            ``learning``, ``speed``.
        galleries: PNG file with the best, median and worst case, by run.
    Returns:
        Path of ``report.html``.
    """
    write_json(folder / "report.json", without_nan(content))
    headline = _pick_headline(content["runs"], aligned)
    write_html(
        folder / "report.html",
        "comparison.html",
        TEMPLATES,
        content=content,
        labels=LABELS,
        headline=headline,
        headline_scores=[metric for metric in HEADLINE if any(metric in of_run for of_run in headline.values())],
        limits=_group_by_limit(content["good_enough"]),
        scores=[row for row in content["runs"] if row["grid"] == aligned.grid and row["count"]],
        pairs=_choose_pairs(content, aligned),
        subgroups=_align_subgroups(content["subgroups"], aligned.runs),
        found_in_subgroups=[pair for pair in content["subgroup_pairs"] if pair["p_holm"] < 0.05],
        with_intervals=len(aligned.runs) <= MOST_RUNS_WITH_INTERVALS,
        provenance={run: flatten(told) for run, told in content["made"]["provenance"].items()},
        answered=[item for item in content["items"] if item["answer"] != LEFT_TO_AUTHORS],
        left_open=_list_open_items(content["items"]),
        pictures={name: _encode_picture(path) for name, path in pictures.items()},
        galleries={run: _encode_picture(path) for run, path in galleries.items()},
    )
    return folder / "report.html"


def _encode_picture(png: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(png.read_bytes()).decode("ascii")


def _pick_headline(runs: Sequence[ScoreRow], aligned: Aligned) -> dict[str, dict[str, ScoreRow]]:
    """Rows of `HEADLINE` on the grid that is shown, by run and metric."""
    table: dict[str, dict[str, ScoreRow]] = {run: {} for run in aligned.runs}
    for row in runs:
        if row["grid"] == aligned.grid and row["metric"] in HEADLINE and row["count"]:
            table[row["run"]][row["metric"]] = row
    return table


def _group_by_limit(good_enough: Sequence[ScoreRow]) -> dict[str, dict[str, ScoreRow]]:
    """Rows of the threshold table by what they limit, and by run."""
    table: dict[str, dict[str, ScoreRow]] = {}
    for row in good_enough:
        sign = row["limit"].replace(">=", "≥").replace("<=", "≤")
        table.setdefault(f"{LABELS[row['metric']]} {sign}", {})[row["run"]] = row
    return table


def _choose_pairs(content: Mapping[str, Any], aligned: Aligned) -> list[ScoreRow]:
    """Pairs of Dice; where they are too many, those with the run whose mean is best."""
    pairs = [pair for pair in content["pairs"] if pair["metric"] == "dice" and pair["grid"] == aligned.grid]
    if len(pairs) <= MOST_PAIRS:
        return pairs
    dice = [row for row in content["runs"] if row["metric"] == "dice" and row["grid"] == aligned.grid and row["count"]]
    best = max(dice, key=lambda row: row["mean"])["run"]
    return [pair for pair in pairs if best in (pair["first"], pair["second"])]


def _align_subgroups(described: Sequence[ScoreRow], runs: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Subgroups by field: a row a level, with the row of each run in it, None where it has none."""
    fields: dict[str, dict[str, dict[str, ScoreRow]]] = {}
    for row in described:
        fields.setdefault(row["field"], {}).setdefault(row["level"], {})[row["run"]] = row
    return {
        field: [
            {"level": level, "images": max(row["images"] for row in of_runs.values())}
            | {"runs": [of_runs.get(run) for run in runs]}
            for level, of_runs in levels.items()
        ]
        for field, levels in fields.items()
    }


def _list_open_items(items: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Names of the items that the data do not answer, by guideline."""
    names: dict[str, list[str]] = {}
    for item in items:
        if item["answer"] == LEFT_TO_AUTHORS:
            names.setdefault(item["guide"], []).append(f"{item['item']} {item['about']}".strip())
    return names
