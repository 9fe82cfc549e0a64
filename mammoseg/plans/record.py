"""The record of a plan: each evaluation that is done, and each that is not, with the reason."""

import shlex
from itertools import product
from pathlib import Path
from typing import Any

from mammoseg.evaluation.measured import measure_evaluation
from mammoseg.plans.budgets import cut_down, find_budget
from mammoseg.plans.page import list_lines
from mammoseg.plans.plan import read_plan
from mammoseg.plans.steps import list_scored_folds, list_steps, name_evaluation


def record_plan(file: Path, output: Path, *, because: str) -> dict[str, Any]:
    """What `mammoseg.cards.measured.read_measured` reads, of one plan.

    Args:
        file: the plan; the record names it as it is named here.
        output: folder that it was carried out in.
        because: why what is left was not run.
    Raises:
        WrongCallError: the plan is none, or one of its evaluations is not complete.
    """
    plan, left_out = cut_down(read_plan(file))
    lines = {line.step.key: line.status for line in list_lines(list_steps(plan, output.absolute()), output)}
    runs: list[dict[str, Any]] = []
    empty: list[dict[str, Any]] = [{"run": name, "because": reason} for name, reason in left_out.items()]
    for run in plan.runs:
        notes = [*run.notes, *([] if plan.budget else run.list_changes())]  # those of a budget are among the former
        for score, seed in product(run.scores, run.seeds):
            for fold in list_scored_folds(run, score):
                key = name_evaluation(run, score, seed, fold)
                about = {"run": run.name, "bundle": run.bundle, "seed": seed, "fold": fold}
                if lines[key].state == "done":
                    runs.append({**measure_evaluation(output / key), **about, "recipe": run.recipe, "notes": notes})
                else:
                    empty.append({**about, "because": lines[key].reason or because})
    return {
        "name": plan.name,
        "command": shlex.join(["mammoseg", "run", str(file), "--output", "out"]),
        "budget": find_budget(plan.budget).says if plan.budget else None,
        "runs": runs,
        "empty": empty,
    }


def list_compared(file: Path, output: Path) -> list[Path]:
    """Evaluations of a plan that are held against each other: the first seed of each run without folds, if scored.

    Args:
        file: file of a plan, as `mammoseg run` takes it.
        output: folder that it was carried out in.
    """
    plan, _ = cut_down(read_plan(file))
    firsts = [output / name_evaluation(run, run.scores[0], run.seeds[0], None) for run in plan.runs if not run.folds]
    return [folder for folder in firsts if (folder / "per_image.csv").is_file()]
