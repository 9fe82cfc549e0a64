"""What a comparison can answer of two reporting guidelines: CLAIM 2024 and TRIPOD+AI; the rest is left to the authors.

Tejani et al. 2024, doi:10.1148/ryai.240300, and Collins et al. 2024, doi:10.1136/bmj-2023-078378.
``reporting_items.json`` names the items in a few words of our own; an item whose number is not sure has none.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.counts import format_count, format_number
from mammoseg.evaluation.pairs import Aligned
from mammoseg.evaluation.subgroups import FIELDS
from mammoseg.evaluation.tables import ScoreRow

LEFT_TO_AUTHORS = "left to the authors"


def list_reporting_items(
    aligned: Aligned, *, runs: Sequence[ScoreRow], provenance: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, str]]:
    """The items of both guidelines, each with what the data say of it.

    Args:
        aligned: the runs on the grid that is shown.
        runs: rows of ``runs.csv``.
        provenance: what the evaluation of each run says of itself.

    Returns:
        ``guide``, ``item`` (its number, or empty), ``about`` and ``answer``, which is `LEFT_TO_AUTHORS` where the data
        say nothing.
    """
    answers = _collect_answers(aligned, runs, provenance)
    items = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return [
        {"guide": item["guide"], "item": item["item"] or "", "about": item["about"]}
        | {"answer": answers.get(item["answer"] or "") or LEFT_TO_AUTHORS}
        for item in items
    ]


def _collect_answers(
    aligned: Aligned, runs: Sequence[ScoreRow], provenance: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Texts by the names that the JSON file uses; an empty one is no answer."""
    with_mass = sum(bool(row["has_mass"]) for row in aligned.rows)
    patients = len({patient for patient in aligned.patients if patient is not None})
    images = format_count(len(aligned.rows), "image")
    counts = f"{images} of {format_count(patients, 'patient')}, {with_mass} of them with a mass."
    dice = [row for row in runs if row["metric"] == "dice" and row["grid"] == aligned.grid and row["count"]]
    return {
        "counts": counts,
        "data": _say_of_runs(provenance, {"source": "source", "datalist_sha256": "datalist"}),
        "configs": _say_of_runs(provenance, {"config_sha256": "settings by SHA-256", "seed": "seed"}),
        "software": _say_of_runs(provenance, {"versions": "versions"}),
        "models": _say_of_runs(provenance, {"bundle": "bundle", "weights_sha256": "weights by SHA-256"}),
        "first_weights": _say_of_runs(provenance, {"encoder": "encoder", "started_from": "started from"}),
        "thresholds": _say_of_runs(provenance, {"threshold": "probability from which a pixel is mass"}),
        "commits": _say_of_runs(provenance, {"commit": "code at commit"}),
        "missing": _say_missing(aligned),
        "vendors": _say_levels(aligned, {"vendor": "vendor"}),
        "characteristics": _say_levels(aligned, FIELDS),
        "split": f"Scored here: {counts} `mammoseg audit-split` shows whether a patient or picture is in two parts.",
        "metrics": "Dice, IoU, sensitivity, precision, area difference, three Hausdorff distances, FROC; each defined "
        "in docs/evaluation.md.",
        "statistics": "95 % bootstrap intervals that draw whole patients; two-sided Wilcoxon signed-rank tests of "
        "pairs, Holm's correction within each table.",
        "subgroups": "Subgroup tables of this report." if _say_levels(aligned, FIELDS) else "",
        "performance": "; ".join(
            f"{row['run']}: Dice {format_number(row['mean'])} ({format_number(row['mean_low'])} to "
            f"{format_number(row['mean_high'])})"
            for row in dice
        ),
        "failures": "Masses without a predicted pixel, the lower end of the ECDF, and the worst case of the gallery "
        "where there is one.",
    }


def _say_of_runs(provenance: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """What the runs say under these keys; once where all say the same."""
    said = {
        run: ", ".join(f"{word} {_format_value(told[key])}" for key, word in names.items() if told.get(key) is not None)
        for run, told in provenance.items()
    }
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{run}: {text}" for run, text in said.items() if text)


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_format_value(one)}" for key, one in value.items() if one is not None)
    return str(value)


def _say_levels(aligned: Aligned, fields: Mapping[str, str]) -> str:
    """How many images have which level of each field."""
    texts = []
    for column, name in fields.items():
        values = [row[column] for row in aligned.rows if row.get(column) is not None]
        if values:
            levels = ", ".join(f"{level}: {values.count(level)}" for level in sorted(set(values)))
            texts.append(f"{name} ({levels})")
    return "; ".join(texts)


def _say_missing(aligned: Aligned) -> str:
    """Fields that some images lack; images that a run did not score."""
    lacking = {name: sum(row.get(column) is None for row in aligned.rows) for column, name in FIELDS.items()}
    part = [f"{name} unknown of {count}" for name, count in lacking.items() if 0 < count < len(aligned.rows)]
    return f"Images without a mass have no Dice{'; ' if part else ''}{', '.join(part)}."
