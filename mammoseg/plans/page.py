"""The page and the table of a plan: what is done, running, failed and left, and what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mammoseg.counts import format_count
from mammoseg.files import as_printable
from mammoseg.pages.html import write_html
from mammoseg.plans.budgets import find_budget
from mammoseg.plans.execute import LOG
from mammoseg.plans.plan import RunPlan
from mammoseg.plans.state import StepStatus, read_status
from mammoseg.plans.steps import Step

SHOWN = ("dice", "iou", "sensitivity", "hausdorff_px", "mean_iou")
"""Metrics on the page; all are in ``runs.csv``."""

STATES = ("done", "running", "failed", "begun", "left")


@dataclass(frozen=True)
class Line:
    """A step and what became of it."""

    step: Step
    status: StepStatus


def list_lines(steps: Sequence[Step], output: Path, *, running: Sequence[str] = ()) -> list[Line]:
    """What became of every step; what waits for a failed one says so.

    Args:
        running: keys of steps that this process has begun.
    """
    lines: dict[str, Line] = {}
    for step in steps:
        status = read_status(step, output)
        if step.key in running:
            status = StepStatus("running")
        elif status.state in ("left", "begun"):
            broken = [key for key in step.needs if lines[key].status.state == "failed" or lines[key].status.reason]
            status = StepStatus(status.state, f"waits for {broken[0]}") if broken else status
        lines[step.key] = Line(step, status)
    return list(lines.values())


def as_text(lines: Sequence[Line]) -> str:
    """One line a step, columns aligned, and the counts."""
    width = max((len(line.step.key) for line in lines), default=0)
    rows = [
        f"{line.status.state:8} {line.step.key:{width}} {as_printable(line.status.reason)}".rstrip() for line in lines
    ]
    return "\n".join([*rows, format_counts(lines)])


def format_counts(lines: Sequence[Line]) -> str:
    """``3 done, 1 failed, 2 left``."""
    states = [line.status.state for line in lines]
    return ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states) + (
        f" of {format_count(len(lines), 'step')}"
    )


def write_plan_page(
    plan: RunPlan,
    lines: Sequence[Line],
    results: Sequence[Mapping[str, Any]],
    output: Path,
    *,
    left_out: Mapping[str, str],
    table: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``index.html``.

    Args:
        results: rows of ``runs.csv``.
        left_out: runs that a budget has no meaning for, and why.
        table: heading, notes and cells of a paper's table; None for a plan of one's own.
    """
    write_html(
        output / "index.html",
        "plan.html",
        Path(__file__).parent / "templates",
        plan=plan,
        budget=find_budget(plan.budget).says if plan.budget else None,
        notes={run.name: run.notes for run in plan.runs if run.notes},
        left_out=left_out,
        lines=lines,
        log=LOG,
        counts=format_counts(lines),
        results=[row for row in results if row["metric"] in SHOWN],
        table=table,
        date=f"{datetime.now():%Y-%m-%d %H:%M}",
    )
    return output / "index.html"
