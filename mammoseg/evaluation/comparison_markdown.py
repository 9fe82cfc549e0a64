"""``comparison.md``: tables of a comparison that can be read as text, with what they were made from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mammoseg.counts import format_number
from mammoseg.evaluation.comparison_content import count_missed_masses
from mammoseg.evaluation.tables import ScoreRow, say_provenance
from mammoseg.files import atomic_path
from mammoseg.metrics.froc import SHOWN_RULE
from mammoseg.provenance import find_doubt

NOTES = """Intervals: 95 % bootstrap of the mean, whole patients drawn with replacement. p: two-sided Wilcoxon
signed-rank test on the images that both runs scored; p_holm allows for all pairs of one score and grid. The test takes
images as independent, two views of one patient are not: read it together with the interval of the difference.
Rules of every number: docs/evaluation.md.
"""


def write_markdown(
    path: Path,
    *,
    runs: Sequence[ScoreRow],
    pairs: Sequence[ScoreRow],
    tables: Mapping[str, Sequence[ScoreRow]],
    froc: Sequence[ScoreRow],
    origins: Mapping[str, Mapping[str, Any]],
    remarks: Sequence[str],
) -> None:
    """Write the tables of a comparison as text.

    Args:
        path: where it goes.
        runs: rows of ``runs.csv``.
        pairs: rows of ``pairs.csv``.
        tables: rows of ``per_image.csv`` by run.
        froc: rows of ``froc.csv``, none where there is no such table.
        origins: what each run's evaluation tells of itself, see `read_provenance`.
        remarks: sentences that stand at its top.
    """
    scored = [row for row in runs if row["count"]]
    sections = [
        "# Comparison\n",
        *(f"**{remark}**\n" for remark in remarks),
        _format_origins(origins),
        NOTES,
        "## Runs\n",
        _format_table(scored),
        "## Pairs\n",
        _format_table(pairs),
        "![Dice](dice.png)\n",
    ]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(sections) + _format_lesions(tables, froc), encoding="utf-8")


def _format_origins(origins: Mapping[str, Mapping[str, Any]]) -> str:
    """A line a run: bundle, data, weights and settings, as its evaluation tells them; and what speaks against it."""
    lines = [f"- {name}: {say_provenance(told) or 'its summary.json is missing'}" for name, told in origins.items()]
    lines += [f"- WARNING, {name}: {doubt}" for name, told in origins.items() if (doubt := find_doubt(told))]
    return "\n".join(
        [f"Date: {datetime.now():%Y-%m-%d}. Tables: [runs.csv](runs.csv), [pairs.csv](pairs.csv).", "", *lines, ""]
    )


def _format_lesions(tables: Mapping[str, Sequence[ScoreRow]], froc: Sequence[ScoreRow]) -> str:
    """Masses without a predicted pixel, and those found by false marks an image; empty where no run counted any."""
    missed = count_missed_masses(tables)
    sections = ["", "## Masses without a predicted pixel\n", _format_table(missed)] if missed else []
    if froc:
        shown = [row for row in froc if row["rule"] == SHOWN_RULE]
        sections += ["## Masses found by false marks an image\n", _format_table(shown)]
        sections += ["All rules: [froc.csv](froc.csv).\n", "![FROC](froc.png)\n"]
    return "\n".join(sections)


def _format_table(rows: Sequence[ScoreRow]) -> str:
    """A markdown table whose columns are the keys of the first row."""
    cells = [list(rows[0]), ["---"] * len(rows[0]), *([_format_cell(value) for value in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells) + "\n"


def _format_cell(value: object) -> str:
    return format_number(value) if isinstance(value, float) else str(value)
