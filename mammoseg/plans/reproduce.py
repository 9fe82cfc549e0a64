"""`mammoseg reproduce`: the plan of a paper's table, carried out, with what was published beside what was measured."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.csv_table import write_csv
from mammoseg.data.datalist import DATALIST
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.tables import ScoreRow
from mammoseg.files import made_output
from mammoseg.plans.budgets import cut_down, find_budget
from mammoseg.plans.cells import Course, list_cells
from mammoseg.plans.page import Line
from mammoseg.plans.paper_table import (
    PaperTable,
    build_plan,
    find_table,
    list_unknown,
    say_why_not,
)
from mammoseg.plans.plan import make_plan
from mammoseg.plans.run_plan import carry_out, print_dry_run

COLUMNS = ("row", "column", "published", "measured", "difference", "why")
"""Of ``table.csv``."""


def reproduce(
    paper: str,
    table: str,
    *,
    data: Sequence[str] = (),
    output: str | Path | None = None,
    jobs: int = 1,
    dry_run: bool = False,
    budget: str | None = None,
    variant: str | None = None,
) -> None:
    """Carry out the plan of a table; the same call goes on where an earlier one ended.

    Args:
        paper: sun2020, sarker2022, isosalo2022 or vassilenko2022.
        table: its name in the list of tables.
        data: ``NAME=FOLDER`` for each collection: a folder that has a ``datalist.json``, or the collection as it came,
            which is then divided as the paper did.
        output: folder of data, runs, ``table.csv`` and ``index.html``; ``runs/PAPER-TABLE`` when None, and there
            ``-VARIANT`` behind it.
        jobs: how many steps at once.
        dry_run: build every run's config, list the runs, train nothing; needs no data.
        budget: ``small`` or ``tiny``; None is the paper's own recipe.
        variant: ``literal`` for the tables of Sun et al.; None is what the bundles do by themselves.
    Raises:
        WrongCallError: there is no such table or variant, its data lacks a section, or not one of its rows has data.
        MammosegError: a step failed.
    """
    chosen = find_table(paper, table)
    if budget is not None:
        find_budget(budget)
    name = "-".join(filter(None, (paper, table, variant)))
    folder = Path(output or Path("runs") / name).absolute()
    given = _parse_data(chosen, data)
    datasets = {**_locate_data(chosen, folder), **given} if dry_run else given
    content = build_plan(chosen, datasets, variant=variant)
    if not content["runs"]:
        _report_facts_only(chosen, folder, given, dry_run=dry_run)
        return
    plan, left_out = cut_down(make_plan(content, where=chosen.title, folder=Path.cwd()), budget)
    if dry_run:
        print_dry_run(plan, folder, left_out)
        if missing := [name for name in chosen.words["datasets"] if name not in given]:
            print(f"To carry it out, name its data: {_format_options(missing)}; docs/reproduce.md says which.")
        return

    def build_table(results: Sequence[ScoreRow], lines: Sequence[Line]) -> Mapping[str, Any]:
        cells = list_cells(chosen, Course(plan, folder, given, results, lines, left_out))
        return _write_table(chosen, cells, folder, plan.datasets, _say_how(chosen, budget, variant))

    try:
        carry_out(
            plan,
            folder,
            jobs=jobs,
            left_out=left_out,
            table_of=build_table,
            content=content | ({"budget": budget} if budget else {}),
        )
    finally:
        if (beside := folder / "table.csv").is_file():
            print(f"Published beside measured: {beside}")


def _parse_data(table: PaperTable, data: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Words of a plan by the table's names."""
    datasets: dict[str, dict[str, Any]] = {}
    known = table.words["datasets"]
    for text in data:
        name, equals, folder = text.partition("=")
        if name not in known or not equals or not folder:
            raise WrongCallError(
                f"'{text}' names no data of this table; it takes {_format_options(known) or 'no data'}."
            )
        path = Path(folder).absolute()
        if not path.is_dir():
            raise WrongCallError(f"'{folder}' is not a folder; name that of a datalist.json, or of the collection.")
        earlier = datasets.get(name, {})
        if (path / DATALIST).is_file() and not earlier:
            datasets[name] = {"dataset_dir": str(path)}
        elif earlier and ("inputs" not in earlier or (path / DATALIST).is_file()):
            raise WrongCallError(f"--data {name} is given twice; name one datalist, or the folders of one collection.")
        elif earlier:
            earlier["inputs"].append(str(path))
        elif "source" in known[name]:
            datasets[name] = {**known[name], "inputs": [str(path)]}
        else:
            raise WrongCallError(
                f"'{folder}' has no datalist.json; write one with `mammoseg ingest SOURCE ... --protocol "
                f"{known[name]['protocol']}`."
            )
    return datasets


def _format_options(names: Iterable[str]) -> str:
    return " ".join(f"--data {name}=FOLDER" for name in names)


def _locate_data(table: PaperTable, output: Path) -> dict[str, dict[str, Any]]:
    """Where the data would be."""
    return {name: {"dataset_dir": str(output / "data" / name)} for name in table.words["datasets"]}


def _report_facts_only(table: PaperTable, output: Path, given: Mapping[str, Any], *, dry_run: bool) -> None:
    """A table of which nothing is trained, or nothing can be."""
    reasons = {say_why_not(table, row, given) for row in table.words["rows"]}
    if all(reason.startswith("no --data") for reason in reasons):
        names = _format_options(table.words["datasets"])
        raise WrongCallError(f"not one row has its data; this table takes {names}, docs/reproduce.md says which.")
    print(f"{table.title}: {'; '.join(sorted(reasons))}.")
    if not dry_run:
        with made_output(output):
            _write_table(table, list_cells(table, Course(None, output, given)), output, {}, _say_how(table, None, None))
        print(f"Published beside measured: {output / 'table.csv'}")


def _write_table(
    table: PaperTable, cells: Sequence[Mapping[str, str]], output: Path, data: Mapping[str, Any], how: str
) -> dict[str, Any]:
    """Write ``table.csv``; returns what the page shows."""
    write_csv(output / "table.csv", [{**cell, "how": how} for cell in cells], columns=(*COLUMNS, "how"))
    used = [f"{name}: {words.get('source', words.get('dataset_dir'))}" for name, words in data.items()]
    notes = [*table.words.get("notes", ()), *(f"{what}: {why}." for what, why in list_unknown(table.paper).items())]
    return {"heading": table.title, "notes": [f"{how}.", *notes, *used], "cells": cells}


def _say_how(table: PaperTable, budget: str | None, variant: str | None) -> str:
    recipe = find_budget(budget).says if budget else "the bundles' recipes for this paper"
    return "; ".join([recipe, *([f"{variant} variant: {table.variants_say[variant]}"] if variant else [])])
