"""The record of a plan: each evaluation that is done, and each that is not, with the reason."""

import shlex
import shutil
from itertools import product
from pathlib import Path
from typing import Any

from mammoseg.cards.measured import PICTURE, REPORT, TABLES
from mammoseg.checkpoints.weights_file import TRAINED
from mammoseg.evaluation.compare import compare
from mammoseg.evaluation.measured import measure_evaluation
from mammoseg.evaluation.run_report import draw_cases
from mammoseg.plans.budgets import cut_down, find_budget
from mammoseg.plans.page import list_lines
from mammoseg.plans.plan import read_plan
from mammoseg.plans.state import DONE
from mammoseg.plans.steps import list_scored_folds, list_steps, locate_dataset, name_evaluation, name_training


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


def keep_comparison(file: Path, output: Path, folder: Path) -> None:
    """Compare the runs of a plan that have no folds, each by its first seed, and keep what a record shows of it.

    Args:
        file: file of a plan, as `mammoseg run` takes it.
        output: folder that it was carried out in; it gets the whole comparison, as ``comparison``.
        folder: folder of the record; of an earlier comparison nothing stays there.
    """
    plan, _ = cut_down(read_plan(file))
    folder.mkdir(parents=True, exist_ok=True)
    for name in (PICTURE, REPORT, *TABLES):
        (folder / name).unlink(missing_ok=True)
    runs = [run for run in plan.runs if run.scores and not run.folds]
    scored = [(run, output / name_evaluation(run, run.scores[0], run.seeds[0], None)) for run in runs]
    done = [(run, evaluation) for run, evaluation in scored if (evaluation / DONE).is_file()]
    if len(done) < 2:
        return
    for run, evaluation in done:
        draw_cases(
            evaluation,
            dataset_dir=locate_dataset(plan, run.scores[0].dataset or run.dataset, output),
            weights=output / name_training(run, run.seeds[0], None) / "models" / TRAINED,
        )
    remarks = [f"{find_budget(plan.budget).says}."] if plan.budget else []
    remarks.append("Of each run the first seed is compared; other seeds, and folds, are in the record of the plan.")
    made = output / "comparison"
    compare(*(evaluation for _, evaluation in done), output=made, remarks=remarks)
    for name in (PICTURE, REPORT, *TABLES):
        if (made / name).is_file():
            shutil.copyfile(made / name, folder / name)
