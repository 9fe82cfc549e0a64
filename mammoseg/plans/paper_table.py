"""The tables of the papers: what each row trains. ``tables/PAPER.json`` has the rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoseg.cards.listing import describe_paper
from mammoseg.errors import WrongCallError, make_unknown_name_error
from mammoseg.files import read_json
from mammoseg.plans.plan import OF_THE_WEIGHTS

FOLDER = Path(__file__).with_name("tables")


@dataclass(frozen=True)
class PaperTable:
    """One table of a paper.

    Attributes:
        paper: key of the paper.
        name: word that names the table.
        columns: name, what of a model card it shows, and how it is measured.
        words: description of it, as its file has it.
        variants: overrides of every run by the name of a variant, such as ``literal``.
        variants_say: what each variant is, in words.
    """

    paper: str
    name: str
    columns: Sequence[Mapping[str, Any]]
    words: Mapping[str, Any]
    variants: Mapping[str, Mapping[str, Any]]
    variants_say: Mapping[str, str]

    @property
    def title(self) -> str:
        """Paper and table in words."""
        return f"{describe_paper(self.paper)['paper']}, {self.name}: {self.words['title']}"


def list_papers() -> list[str]:
    """Keys of the papers that have tables."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def list_unknown(paper: str) -> dict[str, str]:
    """What of a paper is not known here, and why.

    Raises:
        WrongCallError: there is no such paper.
    """
    return dict(_read_paper(paper)["unknown"])


def list_tables(paper: str) -> list[PaperTable]:
    """All tables of a paper.

    Raises:
        WrongCallError: there is no such paper.
    """
    content = _read_paper(paper)
    return [
        PaperTable(
            paper,
            name,
            content["columns"][words["columns"]] if isinstance(words["columns"], str) else words["columns"],
            words,
            words.get("variants", content.get("variants", {})),
            content.get("variants_say", {}),
        )
        for name, words in content["tables"].items()
    ]


def find_table(paper: str, name: str) -> PaperTable:
    """One table of a paper.

    Raises:
        WrongCallError: there is no such paper or table.
    """
    tables = {table.name: table for table in list_tables(paper)}
    if name not in tables:
        said = "".join(f"; {what}: {why}" for what, why in list_unknown(paper).items() if "number" in what)
        raise WrongCallError(f"unknown table '{name}' of {paper}; known: {', '.join(tables)}{said}.")
    return tables[name]


def build_plan(
    table: PaperTable, datasets: Mapping[str, Mapping[str, Any]], *, variant: str | None = None
) -> dict[str, Any]:
    """What a plan's file would hold, without rows that cannot be run or lack their data.

    Args:
        datasets: words of the plan by the table's own names of the data.
        variant: one of the table's variants; None for what the bundles do by themselves.
    Raises:
        WrongCallError: there is no such variant.
    """
    if variant is not None and variant not in table.variants:
        raise WrongCallError(f"{table.paper} has no variant '{variant}'; known: {', '.join(table.variants) or 'none'}.")
    of_variant = table.variants[variant] if variant else {}
    runs: dict[str, dict[str, Any]] = {}
    for row in table.words["rows"]:
        if say_why_not(table, row, datasets):
            continue
        run = {**table.words["run"], "bundle": find_bundle(table, row)}
        run["overrides"] = {**table.words["run"].get("overrides", {}), **row.get("overrides", {}), **of_variant}
        if first := row.get("pretrained_on"):
            name = f"{name_run(row)}-before"
            runs[name] = {
                "name": name,
                "bundle": run["bundle"],
                "dataset": first,
                "scores": [],
                "overrides": run["overrides"],
            }
            run |= {"start_from": name, "overrides": _drop_those_of_weights(run["overrides"])}
        runs[name_run(row)] = {"name": name_run(row), **run}
    used = {name for run in runs.values() for name in _list_data(run)}
    return {
        "name": "-".join(filter(None, (table.paper, table.name, variant))),
        "datasets": {name: dict(words) for name, words in datasets.items() if name in used},
        "runs": list(runs.values()),
    }


def say_why_not(table: PaperTable, row: Mapping[str, Any], datasets: Mapping[str, Any]) -> str:
    """Why a row is not run; empty where it is."""
    if cannot := say_why_cannot_run(table, row):
        return cannot
    if not table.words["run"]:
        return "nothing of this table is trained"
    wanted = {*_list_data(table.words["run"]), *([row["pretrained_on"]] if "pretrained_on" in row else [])}
    missing = sorted(wanted - set(datasets))
    return f"no --data {missing[0]}=FOLDER" if missing else ""


def say_why_cannot_run(table: PaperTable, row: Mapping[str, Any]) -> str:
    """Why a row cannot be run whatever data there is; empty where it can."""
    return str(row.get("cannot") or table.words.get("cannot") or "")


def name_run(row: Mapping[str, Any]) -> str:
    """Name of a row's run in a plan."""
    return str(row.get("run") or re.sub(r"[^a-z0-9_.]+", "-", row["label"].lower().replace("+", "plus")).strip("-"))


def find_bundle(table: PaperTable, row: Mapping[str, Any]) -> str:
    """Bundle of a row, which that of the table stands for."""
    return str(row.get("bundle") or table.words["run"]["bundle"])


def _drop_those_of_weights(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides without those that a run takes from the weights it starts from."""
    return {name: value for name, value in overrides.items() if not name.startswith(OF_THE_WEIGHTS)}


def _read_paper(paper: str) -> dict[str, Any]:
    if paper not in list_papers():
        raise make_unknown_name_error("paper", paper, list_papers())
    content: dict[str, Any] = read_json(FOLDER / f"{paper}.json")
    return content


def _list_data(run: Mapping[str, Any]) -> list[str]:
    names = [run["dataset"], *(score.get("dataset") for score in run.get("scores", ()))] if run else []
    return [name for name in dict.fromkeys(names) if name]
