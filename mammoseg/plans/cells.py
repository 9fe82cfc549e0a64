"""The cells of a paper's table: what was published, and what was measured here beside it, or why it was not.

Published numbers stand where the model cards have them, in ``docs/card.json`` of the bundles; only those of no card
stand in ``tables/PAPER.json``.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mammoseg.bundles import locate_bundle
from mammoseg.evaluation.good_enough import count_good_enough
from mammoseg.evaluation.tables import ScoreRow
from mammoseg.files import read_json
from mammoseg.plans.page import Line
from mammoseg.plans.paper_table import PaperTable, find_bundle, name_run, say_why_not
from mammoseg.plans.plan import RunPlan
from mammoseg.plans.results import collect_per_image

NOT_PUBLISHED = "nothing published is written in this repository"
"""What a cell says that has no published number."""


@dataclass(frozen=True)
class Course:
    """What became of a table's plan.

    Attributes:
        plan: what was carried out; None where nothing is trained.
        output: folder of the plan.
        datasets: what was given of the table's data, by its names.
        results: rows of ``runs.csv``.
        lines: steps of the plan and what became of them.
        left_out: runs that a budget left out, and why.
    """

    plan: RunPlan | None
    output: Path
    datasets: Mapping[str, Any]
    results: Sequence[ScoreRow] = ()
    lines: Sequence[Line] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """A number of ours with its s.d. over so many runs, NaN where there is none, and why then."""

    value: float = math.nan
    spread: float = math.nan
    runs: int = 0
    why: str = ""


def list_cells(table: PaperTable, course: Course) -> list[dict[str, str]]:
    """One row a cell: ``row``, ``column``, ``published``, ``measured``, ``difference``, and ``why`` where one is empty.

    Args:
        table: the paper's table.
        course: what became of its plan.
    """
    return [
        _build_cell(
            row, column, _find_published(table, row, number, column), _find_measured(table, row, column, course)
        )
        for row in table.words["rows"]
        for number, column in enumerate(table.columns)
    ]


def _build_cell(row: Mapping[str, Any], column: Mapping[str, Any], published: str, ours: Measured) -> dict[str, str]:
    factor, digits = column.get("factor", 1), column.get("digits", 0)
    measured, difference = "", ""
    if not math.isnan(ours.value):
        measured = f"{ours.value * factor:.{digits}f}"
        before = re.match(r"-?\d+(\.\d+)?", published)
        difference = f"{round(ours.value * factor - float(before[0]), digits) + 0.0:+.{digits}f}" if before else ""
        measured += "" if math.isnan(ours.spread) else f" ± {ours.spread * factor:.{digits}f}"
        measured += f" ({ours.runs} runs)" if ours.runs > 1 else ""
    return {
        "row": row["label"],
        "column": column["name"],
        "published": published,
        "measured": measured,
        "difference": difference,
        "why": "; ".join(filter(None, (ours.why, "" if published else NOT_PUBLISHED))),
    }


def _find_published(table: PaperTable, row: Mapping[str, Any], number: int, column: Mapping[str, Any]) -> str:
    """As printed, without the per cent sign; empty where it is not known here."""
    own = row.get("published") or []
    if number < len(own) and own[number]:
        return str(own[number])
    place = {**table.words.get("card", {}), **row.get("card", {})}
    place |= {"detail": column["detail"]} if "detail" in column else {}
    if "card" not in column or "data" not in place:
        return ""
    return _read_card(find_bundle(table, row)).get((place["data"], place.get("detail", "")), {}).get(column["card"], "")


@cache
def _read_card(bundle: str) -> dict[tuple[str, str], dict[str, str]]:
    """Published numbers of a card by data and detail, then by name."""
    rows = read_json(Path(locate_bundle(bundle)) / "docs" / "card.json")["published"]
    numbers = {}
    for row in rows:
        parts = [f"Dice {row['dice']}"] if row["dice"] else []
        named = (part.split(" ", 1) for part in (*parts, *filter(None, row["more"].split(", "))))
        numbers[row["data"], row["detail"]] = {name: value.removesuffix(" %") for name, value in named}
    return numbers


def _read_fact(table: PaperTable, row: Mapping[str, Any], fact: str) -> float:
    facts = read_json(Path(locate_bundle(find_bundle(table, row))) / "docs" / "facts.json")
    return float(facts[fact])


def _find_measured(table: PaperTable, row: Mapping[str, Any], column: Mapping[str, Any], course: Course) -> Measured:
    if "why" in column:
        return Measured(why=column["why"])
    if "fact" in column:
        return Measured(why=row["cannot"]) if "cannot" in row else Measured(_read_fact(table, row, column["fact"]))
    if why := say_why_not(table, row, course.datasets) or course.left_out.get(name_run(row), ""):
        return Measured(why=why)
    if course.plan is not None:
        found = _count_images(table, row, column, course) if "of" in column else _find_mean(table, row, column, course)
        if not math.isnan(found.value):
            return found
    return Measured(why=_say_why_not_measured(row, column, course.lines))


def _find_mean(table: PaperTable, row: Mapping[str, Any], column: Mapping[str, Any], course: Course) -> Measured:
    place = (name_run(row), _name_score(table, row, column), column["metric"], table.words["grid"])
    spread = table.words["spread"]
    for result in course.results:
        if tuple(result[key] for key in ("run", "score", "metric", "grid")) == place:
            return Measured(result[f"mean_of_{spread}"], result[f"sd_of_{spread}"], result["runs"])
    return Measured()


def _count_images(table: PaperTable, row: Mapping[str, Any], column: Mapping[str, Any], course: Course) -> Measured:
    """Of the images of the first seed."""
    assert course.plan is not None
    run = course.plan.get_run(name_run(row))
    score = next(one for one in run.scores if one.name == _name_score(table, row, column))
    tables = list(collect_per_image(run, score, course.output).values())
    for good in count_good_enough({run.name: tables[0]}, grid=table.words["grid"]) if tables else ():
        if (good["metric"], good["limit"]) == (column["metric"], column["limit"]) and good[column["of"]] is not None:
            return Measured(good[column["of"]], runs=1)
    return Measured()


def _say_why_not_measured(row: Mapping[str, Any], column: Mapping[str, Any], lines: Sequence[Line]) -> str:
    own = [line for line in lines if line.step.key.startswith(f"runs/{name_run(row)}/")]
    if not own:
        return "nothing was run"
    if failed := next((line for line in own if line.status.state == "failed"), None):
        return f"{failed.step.key} failed: {failed.status.reason}"
    if all(line.status.state == "done" for line in own):
        return f"no image has such a {column['metric']}"
    waits = any(line.status.reason for line in own)
    if waits and (failed := next((line for line in lines if line.status.state == "failed"), None)):
        return f"waits for {failed.step.key}, which failed: {failed.status.reason}"
    return "not done yet"


def _name_score(table: PaperTable, row: Mapping[str, Any], column: Mapping[str, Any]) -> str:
    given = column.get("score") or row.get("score") or table.words.get("score")
    return str(given or table.words["run"]["scores"][0]["name"])
