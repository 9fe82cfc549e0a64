"""Let `mammoseg cohort` do very many small mammograms; print speed and memory, a line of JSON a number of processes.

Usage: python scripts/benchmark_cohort.py FOLDER [--images 2000] [--workers 1,2]
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch start their threads
from collections.abc import Sequence
from json import dumps
from pathlib import Path

import checkout  # noqa: F401  # the package is that of this checkout

from mammoseg.benchmark.cohort_speed import benchmark_cohort
from mammoseg.command_line import run_script


def run_benchmark(folder: str, images: int = 2000, workers: int | Sequence[int] = (1, 2)) -> None:
    """Run the cohort once for each number of processes.

    Args:
        folder: for mammograms and results.
        images: number of mammograms.
        workers: numbers of processes, one run after the other.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    for count in [workers] if isinstance(workers, int) else workers:
        print(dumps(benchmark_cohort(Path(folder), images=images, workers=count)), flush=True)


if __name__ == "__main__":
    run_script(run_benchmark)
