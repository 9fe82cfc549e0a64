"""A cohort of small phantoms, with a predictor that needs no network; other processes import it by name."""

import sys
from collections.abc import Iterable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import numpy as np

from mammoseg.cohort.items import find_files, make_item
from mammoseg.cohort.job import CohortJob
from mammoseg.cohort.run import Cohort, run_cohort
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.prediction.options import Options, Run
from mammoseg.prediction.run import make_died_row
from mammoseg.prediction.workers import run_in_workers
from tests.made_predictor import BrightIsMass


def make_mammograms(folder: Path, count: int) -> None:
    """Small mammograms with a mass each, every one with its own pixels."""
    for number in range(count):
        pixels = np.full((80, 60), 800 + number % 2000)
        pixels[:, 50:] = 0  # beside the breast
        pixels[20:30, 20:30] = 4000
        write_mammogram(folder / f"{number // 50:03}" / f"{number:05}.dcm", pixels)


def run_of(output: Path, options: Options = Options()) -> Run:  # noqa: B008  # frozen
    return Run(BrightIsMass().algorithm, datetime(2026, 1, 2, tzinfo=timezone.utc), output, options)


def job(run: Run) -> partial[CohortJob]:
    return partial(CohortJob, BrightIsMass, run)


def here(run: Run):
    """One process."""
    make = job(run)

    def over(items: Iterable[tuple[Path, str]]):
        done = make()
        return ((name, done(path, name)) for path, name in items)

    return over


def in_two(run: Run):
    """Two processes."""
    return lambda items: run_in_workers(job(run)(), job(run), items, 2, make_died_row)


def on_ray(run: Run, *, address: str):
    """One process on each core of a Ray cluster."""
    from mammoseg.cohort.on_ray import connect_to_ray, run_on_ray

    workers = connect_to_ray(address, None)
    return lambda items: run_on_ray(job(run), items, workers)


def run_made_cohort(inputs: Path, output: Path, processes=here, options: Options = Options(), **how):  # noqa: B008
    files, _ = find_files([inputs], output)
    output.mkdir(exist_ok=True)
    run_cohort(Cohort(map(make_item, files), len(files)), run_of(output, options), processes, **how)


if __name__ == "__main__":
    source, output, *address = sys.argv[1:]  # address of a Ray cluster, if any
    run_made_cohort(Path(source), Path(output), partial(on_ray, address=address[0]) if address else in_two)
