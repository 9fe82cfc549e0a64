"""`mammoseg run`: carry out a plan, or go on with it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammoseg.counts import format_count
from mammoseg.errors import MammosegError, StoppedError
from mammoseg.evaluation.tables import ScoreRow
from mammoseg.files import made_output, sole_writer, write_json
from mammoseg.plans.budgets import cut_down, find_budget
from mammoseg.plans.execute import LOG, execute
from mammoseg.plans.look_at_data import check_there, count_images
from mammoseg.plans.page import Line, as_text, list_lines, write_plan_page
from mammoseg.plans.plan import PlannedRun, RunPlan, format_value, read_plan
from mammoseg.plans.results import write_plan_results
from mammoseg.plans.state import check_same
from mammoseg.plans.steps import Step, list_steps

if TYPE_CHECKING:  # imports MONAI, which takes seconds
    from mammoseg.plans.dry_run import Estimate

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
    plan: RunPlan,
    output: Path,
    *,
    jobs: int,
    left_out: Mapping[str, str],
    table_of: TableOf | None = None,
    content: Mapping[str, Any] | None = None,
) -> None:
    """Do what is not done yet of a plan, with a page that is always up to date.

    Args:
        output: folder of the plan, absolute.
        left_out: runs that are not in the plan, and why.
        table_of: gives the table of a paper for the page.
        content: what the plan was made of, for ``plan.json`` of the folder; None where it lies in a file already.
    Raises:
        WrongCallError: the folder holds other settings, or the data is not there or lacks a section that a run
            needs.
        StoppedError: Ctrl-C.
        MammosegError: a step failed, or another process is at work there.
    """
    steps = list_steps(plan, output)
    check_there(steps, output)
    count_images(plan, output)
    progress = _Progress(plan, steps, output, left_out, table_of)
    with made_output(output), sole_writer(output, output / LOCK):
        check_same(steps, output)
        if content is not None:
            write_json(output / "plan.json", content)
        _print_budget(plan, left_out)
        progress.update_page()
        try:
            execute(steps, output, jobs=jobs, told=progress)
        except KeyboardInterrupt as error:
            raise StoppedError("stopped; what was done is kept, and the same command goes on.") from error
        finally:
            progress.running.clear()
            lines = progress.update_page()
    print(as_text(lines))
    print(f"Page: {output / 'index.html'}; table: {output / 'runs.csv'}")
    if failed := [line for line in lines if line.status.state == "failed"]:
        raise MammosegError(
            f"{format_count(len(failed), 'step')} failed, first {failed[0].step.key}: {failed[0].status.reason} "
            f"Its {LOG} says more; the same command tries again what is not done."
        )


def print_dry_run(plan: RunPlan, output: Path, left_out: Mapping[str, str]) -> None:
    """Build the config of every run, look at the data that is there, and list the runs.

    Raises:
        WrongCallError: one cannot be built, or its data lacks something.
    """
    from mammoseg.plans.dry_run import estimate  # imports MONAI, which takes seconds

    steps = list_steps(plan, output)
    estimates = estimate(plan, output)
    _print_budget(plan, left_out)
    for run in plan.runs:
        print(_describe_run(run, estimates[run.name]))
    commands = [step.command for step in steps]
    epochs = sum(one.trainings * one.epochs for one in estimates.values())
    counts = [format_count(ingests, "ingest")] if (ingests := commands.count("ingest")) else []
    counts.append(
        f"{format_count(commands.count('train'), 'training')} of at most {format_count(epochs, 'epoch')} in all"
    )
    counts.append(format_count(commands.count("evaluate"), "evaluation"))
    print(f"{format_count(len(plan.runs), 'run')}: {', '.join(counts)}; every config was built, nothing was trained.")


def _describe_run(run: PlannedRun, one: "Estimate") -> str:
    """What a run is and takes."""
    what = "mass" if run.cuts_patches else "image"
    images = "" if one.images is None else f" of {format_count(one.images, what)}"
    starts = "" if run.start_from is None else f", from {run.start_from}"
    changed = ", ".join(run.list_changes())
    parts = [
        f"{run.name}: {run.bundle}, {run.recipe} recipe, {run.dataset}{starts}",
        ", ".join([_format_numbers("seed", run.seeds), *([_format_numbers("fold", run.folds)] if run.folds else [])]),
        f"at most {format_count(one.epochs, 'epoch')}{images}",
        *(["no datalist of its data is there yet"] if one.images is None else []),
        f"{one.facts.parameters:,} parameters, {one.facts.macs / 1e9:.1f} GMAC at {format_value(one.grid)}",
        *([f"changed: {changed}"] if changed else []),
        f"scored on {', '.join(score.name for score in run.scores)}" if run.scores else "scored on nothing",
        *run.notes,
    ]
    return "; ".join(parts)


def _format_numbers(what: str, numbers: Sequence[int]) -> str:
    return f"{what}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


class _Progress:
    """Writes the page as steps begin and end."""

    def __init__(
        self,
        plan: RunPlan,
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
        self.update_page(measured_anew=state == "done" and step.command == "evaluate")

    def update_page(self, *, measured_anew: bool = True) -> list[Line]:
        lines = list_lines(self.steps, self.output, running=self.running)
        if measured_anew:
            self.results = write_plan_results(self.plan, self.output)
        table = self.table_of(self.results, lines) if self.table_of else None
        write_plan_page(self.plan, lines, self.results, self.output, left_out=self.left_out, table=table)
        return lines


def _print_budget(plan: RunPlan, left_out: Mapping[str, str]) -> None:
    if plan.budget:
        print(f"{find_budget(plan.budget).says}.")
    for name, reason in left_out.items():
        print(f"not run: {name}: {reason}.")
