"""What was measured here, for cards and pages: ``docs/results/NAME/measured.json`` of `scripts/record_results.py`."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.bundles import BUNDLES_FOLDER

RESULTS = BUNDLES_FOLDER.parent / "docs" / "results"
"""Folder of the records; an installed package has none."""

PICTURE, REPORT = "dice.png", "report.html"
"""Dice of every image by run, and the whole report, as `mammoseg compare` makes them."""

TABLES = ("froc.csv", "pairs.csv", "runs.csv", "subgroups.csv")
"""Of a comparison, which lies beside the record of a plan."""


def read_measured(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All records in the order of their names, with what is said of them.

    A record has ``name``, ``command``, ``budget``, ``runs`` and ``empty``. A run is what
    `mammoseg.evaluation.measured.measure_evaluation` gives, with the name of its ``run``, its ``fold`` and ``notes``;
    ``empty`` are runs that were planned and not scored, each
    with the reason. Added are ``told``, sentences on how the runs were made, ``seeds_together``, ``has_folds``,
    ``tables`` of a comparison, ``picture`` and ``report``.
    """
    return [_read_complete(path) for path in sorted(folder.glob("*/measured.json"))]


def select_measured(bundle: str, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those of the records that have runs of a bundle, each with these runs only."""
    parts = ({**record, "runs": [run for run in record["runs"] if run["bundle"] == bundle]} for record in records)
    return [{**part, "told": list_sentences(part)} for part in parts if part["runs"]]


def choose_shown_grid(run: Mapping[str, Any]) -> dict[str, Any]:
    """The scores that are shown of a run: on the grid of the network, where it has that."""
    return dict(run["grids"].get("network") or run["grids"]["original"])


def say_found(found: Sequence[Mapping[str, Any]]) -> str:
    """Fractions of the masses found at rising false marks an image; the end of a curve that ends before, once."""
    said = [at["empty_because"] if at["sensitivity"] is None else f"{at['sensitivity']:.3f}" for at in found]
    ends = {at["empty_because"] for at in found}
    return ", ".join(text for place, text in enumerate(said) if text not in ends or text not in said[:place])


def list_sentences(record: Mapping[str, Any]) -> list[str]:
    """Command, data, settings and machine of the runs of a record, each sentence once."""
    runs = record["runs"]
    said = [f"{_capitalise(record['budget'])}."] if record["budget"] else []
    commands = [record["command"]] if record["command"] else [run["command"] for run in runs]
    said += [f"Made by `{command}`." for command in commands]
    said += [
        f"Data: {run['source']}, section {run['section']}, {run['images']} images of {run['patients']} patients."
        for run in runs
    ]
    said += [f"`{run['run']}`: {_format_settings(run)}." for run in runs]
    said += [f"Scored on {run['machine']}, {run['date']}{_format_commits(run)}." for run in runs]
    return list(dict.fromkeys(said))


def _read_complete(path: Path) -> dict[str, Any]:
    record = json.loads(path.read_text(encoding="utf-8"))
    return {
        **record,
        "told": list_sentences(record),
        "seeds_together": _summarise_seeds(record["runs"]),
        "has_folds": any(run["fold"] is not None for run in record["runs"]),
        "tables": [name for name in TABLES if (path.parent / name).is_file()],
        "picture": _locate_beside(path, PICTURE),
        "report": _locate_beside(path, REPORT),
    }


def _locate_beside(record: Path, name: str) -> str | None:
    return f"{record.parent.name}/{name}" if (record.parent / name).is_file() else None


def _format_settings(run: Mapping[str, Any]) -> str:
    words = [f"grid {' x '.join(map(str, run['spatial_size']))}"] if run["spatial_size"] else []
    words += [f"{run['epochs']} epochs"] if "epochs" in run else []
    words += [f"threshold {run['threshold']:g}", f"flips {run['flips'] or 'none'}", f"scored in {run['precision']}"]
    return ", ".join([*words, *run["notes"]])


def _format_commits(run: Mapping[str, Any]) -> str:
    """Code that trained and code that scored, as far as they are known."""
    known = {"trained at": run["trained_at"], "scored at": run["commit"]}
    return "".join(f"; {word} commit `{commit[:7]}`" for word, commit in known.items() if commit)


def _summarise_seeds(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean and s.d. (n - 1) of Dice over the seeds and folds of each run that has several."""
    dice: dict[str, list[float]] = {}
    for run in runs:
        dice.setdefault(run["run"], []).append(choose_shown_grid(run)["dice"])
    return [
        {"run": name, "runs": len(of), "mean": statistics.mean(of), "sd": statistics.stdev(of)}
        for name, of in dice.items()
        if len(of) > 1
    ]


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]
