"""Several files at once: this process and one more for each further core, each doing whole files with one thread.

Whole files in separate processes overlap reading, network and writing without any queue between the stages, and two
processes of one thread are faster than one network with two threads.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from mammoseg.cores import count_cores
from mammoseg.prediction.process import FileRunner, WorkerProcess, end_processes
from mammoseg.prediction.table import Row

FEWEST_FILES = 8
"""Fewer files than this are done faster than a second process starts (it imports the engine and reads the weights)."""


ATTEMPTS = 2
"""A process may be killed for what another did; whoever kills two may be at fault itself."""

AHEAD = 4
"""Files a process that are taken from the list before their turn, so that a list of any length takes no memory."""


def choose_worker_count(files: int, workers: int | None) -> int:
    """Processes to use for so many files: one for each core, or as many as asked for; 1 means none beside this one."""
    if workers is not None:
        return max(1, min(workers, files))
    return 1 if files < FEWEST_FILES else min(count_cores(), files)


def run_in_workers(
    here: FileRunner,
    make_job: Callable[[], FileRunner],
    items: Iterable[tuple[Path, str]],
    workers: int,
    died: Callable[[Path], Row],
    take: Callable[[], WorkerProcess] = WorkerProcess,
) -> Iterator[tuple[str, Row]]:
    """Name and row of each of `items`, in the order in which they end.

    Args:
        here: the job of this process, which works too.
        make_job: makes the job of each of the `workers` - 1 others; must be picklable.
        items: path and name of each file.
        died: row of a file whose process was killed twice, by the system's lack of memory for example.
        take: gives the other processes.
    """
    idle: SimpleQueue[FileRunner] = SimpleQueue()
    idle.put(here)
    for _ in range(workers - 1):
        idle.put(partial(take().run, make_job))

    def run(path: Path, name: str) -> Row:
        job = idle.get()
        try:
            for _ in range(ATTEMPTS):
                try:
                    return job(path, name)
                except BrokenProcessPool:
                    job = partial(WorkerProcess().run, make_job)
            return died(path)
        finally:
            idle.put(job)

    threads = ThreadPoolExecutor(workers)
    coming = iter(items)
    waiting: dict[Future[Row], str] = {}
    try:
        while True:
            for path, name in islice(coming, AHEAD * workers - len(waiting)):
                waiting[threads.submit(run, path, name)] = name
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()
    except BaseException:  # given up: what is unfinished is tried again by the next run, so nobody has to wait for it
        threads.shutdown(wait=False, cancel_futures=True)
        end_processes()
        raise
    finally:
        threads.shutdown(cancel_futures=True)
        end_processes()
