"""Whether the data that is there has what the runs of a plan need, before anything is trained."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from mammoseg.data.datalist import DATALIST, Record, load_section, read_datalist
from mammoseg.data.one_a_mass import split_by_mass
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.folders import is_folder
from mammoseg.plans.plan import PlannedRun, RunPlan
from mammoseg.plans.state import read_status
from mammoseg.plans.steps import Step, list_folds, locate_dataset

Section = Callable[[Path, str, int | None], list[Record]]


def count_images(plan: RunPlan, output: Path) -> dict[str, int | None]:
    """Images (masses where patches are cut) of one training of each run; None where its data is not there yet.

    Args:
        output: folder of the plan, where ingested data would be.
    Raises:
        WrongCallError: naming every run whose data is there and lacks a section, a fold, or the mask of each mass.
    """
    load = cache(_load_section)  # of one call: a datalist is read once for each section and fold
    images: dict[str, int | None] = {}
    lacking: dict[str, list[str]] = {}
    for run in plan.runs:
        try:
            images[run.name] = _count_images(plan, run, output, load)
        except MammosegError as error:
            lacking.setdefault(str(error), []).append(run.name)
    if lacking:
        raise WrongCallError(
            " ".join(f"{', '.join(names)} cannot be trained or scored: {why}" for why, names in lacking.items())
        )
    return images


def check_there(steps: Sequence[Step], output: Path) -> None:
    """Look whether all that is there before a plan begins is there: datalists, and collections to ingest.

    Args:
        output: folder of the plan; what a step needs that is done there is not looked for.
    Raises:
        WrongCallError: naming what is not there.
    """
    made = {step.options["output"] for step in steps if step.command == "ingest"}
    for step in steps:
        if read_status(step, output).state == "done":
            continue
        if step.command == "ingest":
            if absent := [path for path in step.inputs[1:] if not is_folder(Path(path))]:
                raise WrongCallError(f"'{absent[0]}', which {step.key} is made of, is not a folder; check the path.")
        elif step.options["dataset_dir"] not in made:
            read_datalist(Path(step.options["dataset_dir"]) / DATALIST)


def _count_images(plan: RunPlan, run: PlannedRun, output: Path, load: Section) -> int | None:
    counts = []
    for dataset, section, fold in _list_needed(run):
        file = locate_dataset(plan, dataset, output) / DATALIST
        if file.is_file():
            records = load(file, section, fold)
            counts.append(len(split_by_mass(records) if run.cuts_patches else records))
        elif section == "training":
            counts.append(0)
    return counts[0] or None


def _list_needed(run: PlannedRun) -> Iterator[tuple[str, str, int | None]]:
    """Dataset, section and fold of all that a run reads, that of the first training first."""
    for fold in list_folds(run):
        yield run.dataset, "training", fold
        yield run.dataset, run.chosen_on, fold
    for score in run.scores:
        own = score.dataset in (None, run.dataset)
        for fold in list_folds(run) if own and not score.mean_of_folds else (None,):
            yield score.dataset or run.dataset, score.section, fold


def _load_section(file: Path, section: str, fold: int | None) -> list[Record]:
    return load_section(file, section, fold=fold)
