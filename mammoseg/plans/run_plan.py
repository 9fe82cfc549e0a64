"""`mammoseg run`: carry out a plan, or go on with it."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.counts import count_of
from mammoseg.errors import MammosegError, StoppedError
from mammoseg.evaluation.tables import ScoreRow
from mammoseg.files import make_output, sole_writer
from mammoseg.plans.budgets import cut_down, find_budget
from mammoseg.plans.execute import LOG, execute
from mammoseg.plans.page import Line, as_text, lines_of, write_page
from mammoseg.plans.plan import Plan, read_plan
from mammoseg.plans.results import write_results
from mammoseg.plans.state import check_same
from mammoseg.plans.steps import Step, steps_of

LOCK = ".plan.lock"
"""In the output folder: two `run` at once would do the same steps."""

TableOf = Callable[[Sequence[ScoreRow], Sequence[Line]], Mapping[str, Any]]
"""From the rows of ``runs.csv`` and the steps to what the page shows of a paper's table."""


def run(
    plan: str | Path,
    *,
    output: str | Path | None = None,
    jobs: int = 1,
    dry_run: bool = False,
    budget: str | None = None,
) -> None:
    """Carry out the plan of a file; the same call goes on where an earlier one ended.

    Args:
        plan: JSON file, docs/reproduce.md.
        output: folder of data, runs, ``runs.csv`` and ``index.html``; ``runs/NAME`` in the working directory when None.
        jobs: how many steps at once, each in a process of its own; 1 is one after the other in this one.
        dry_run: build every run's config, list the runs, train nothing.
        budget: ``small`` or ``tiny``; None takes that of the plan, which may have none.
    Raises:
        WrongCallError: the plan cannot be carried out, or the folder holds other settings.
        StoppedError: Ctrl-C.
        MammosegError: a step failed; the others are done.
    """
    cut, left_out = cut_down(read_plan(plan), budget)
    folder = Path(output or Path("runs") / cut.name).absolute()
    if dry_run:
        print_dry_run(cut, folder, left_out)
    else:
        carry_out(cut, folder, jobs=jobs, left_out=left_out)


def carry_out(
    plan: Plan, output: Path, *, jobs: int, left_out: Mapping[str, str], table_of: TableOf | None = None
) -> None:
    """Do what is not done yet of a plan, with a page that is always up to date.

    Args:
        output: folder of the plan, absolute.
        left_out: runs that are not in the plan, and why.
        table_of: gives the table of a paper for the page.
    Raises:
        WrongCallError: the folder holds other settings.
        StoppedError: Ctrl-C.
        MammosegError: a step failed, or another process is at work there.
    """
    steps = steps_of(plan, output)
    make_output(output)
    progress = _Progress(plan, steps, output, left_out, table_of)
    with sole_writer(output, output / LOCK):
        check_same(steps, output)
        _say_budget(plan, left_out)
        progress.show()
        try:
            execute(steps, output, jobs=jobs, told=progress)
        except KeyboardInterrupt as error:
            raise StoppedError("stopped; what was done is kept, and the same command goes on.") from error
        finally:
            progress.running.clear()
            lines = progress.show()
    print(as_text(lines))
    print(f"Page: {output / 'index.html'}; table: {output / 'runs.csv'}")
    if failed := [line for line in lines if line.status.state == "failed"]:
        raise MammosegError(
            f"{count_of(len(failed), 'step')} failed, first {failed[0].step.key}: {failed[0].status.reason} "
            f"Its {LOG} says more; the same command tries again what is not done."
        )


def print_dry_run(plan: Plan, output: Path, left_out: Mapping[str, str]) -> None:
    """Build the config of every run and list the runs.

    Raises:
        WrongCallError: one cannot be built.
    """
    from mammoseg.plans.dry_run import estimate  # imports MONAI, which takes seconds

    steps = steps_of(plan, output)
    estimates = estimate(plan, output)
    _say_budget(plan, left_out)
    for run in plan.runs:
        one = estimates[run.name]
        grid = " x ".join(map(str, one.grid))
        images = "data not there yet" if one.images is None else count_of(one.images, "image")
        starts = f", from {run.start_from}" if run.start_from else ""
        scores = ", ".join(score.name for score in run.scores) or "none"
        print(
            f"{run.name}: {run.bundle}, {run.recipe} recipe, {run.dataset}{starts}; "
            f"seeds {_list(run.seeds)}, folds {_list(run.folds)}; at most {count_of(one.epochs, 'epoch')} of {images}; "
            f"{one.facts.parameters:,} parameters, {one.facts.macs / 1e9:.1f} GMAC at {grid}; "
            f"overrides {json.dumps(dict(run.overrides))}; scores: {scores}"
            + "".join(f"; {note}" for note in run.notes)
        )
    commands = [step.command for step in steps]
    epochs = sum(one.trainings * one.epochs for one in estimates.values())
    print(
        f"{count_of(len(plan.runs), 'run')}: {count_of(commands.count('ingest'), 'ingest')}, "
        f"{count_of(commands.count('train'), 'training')} of at most {count_of(epochs, 'epoch')} in all, "
        f"{count_of(commands.count('evaluate'), 'evaluation')}; every config was built, nothing was trained."
    )


class _Progress:
    """Writes the page as steps begin and end."""

    def __init__(
        self,
        plan: Plan,
        steps: Sequence[Step],
        output: Path,
        left_out: Mapping[str, str],
        table_of: TableOf | None,
    ) -> None:
        self.plan = plan
        self.steps = steps
        self.output = output
        self.left_out = left_out
        self.table_of = table_of
        self.running: list[str] = []
        self.results: list[ScoreRow] = []

    def __call__(self, step: Step, state: str) -> None:
        if state == "running":
            self.running.append(step.key)
        else:
            self.running.remove(step.key)
        print(f"{state:8} {step.key}", flush=True)
        self.show(measured_anew=state == "done" and step.command == "evaluate")

    def show(self, *, measured_anew: bool = True) -> list[Line]:
        lines = lines_of(self.steps, self.output, running=self.running)
        if measured_anew:
            self.results = write_results(self.plan, self.output)
        table = self.table_of(self.results, lines) if self.table_of else None
        write_page(self.plan, lines, self.results, self.output, left_out=self.left_out, table=table)
        return lines


def _say_budget(plan: Plan, left_out: Mapping[str, str]) -> None:
    if plan.budget:
        print(f"{find_budget(plan.budget).says}.")
    for name, reason in left_out.items():
        print(f"not run: {name}: {reason}.")


def _list(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers)) or "none"
