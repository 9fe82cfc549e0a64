"""Several files at once: this process and one more for each further core, each doing whole files with one thread.

Whole files in separate processes overlap reading, network and writing without any queue between the stages, and two
processes of one thread are faster than one network with two threads.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mammoseg.report.table import Row

FEWEST_FILES = 8
"""Fewer files than this are done faster than a second process starts (it imports torch and reads the weights)."""

Job = Callable[[Path, str], Row]

_job: Job


def worker_count(files: int, workers: int | None) -> int:
    """Processes to use for so many files: one for each core, or as many as asked for; 1 means none beside this one."""
    if workers is not None:
        return max(1, min(workers, files))
    return 1 if files < FEWEST_FILES else min(len(os.sched_getaffinity(0)), files)


def run_in_workers(
    here: Job, make_job: Callable[[], Job], items: Iterable[tuple[Path, str]], workers: int, died: Callable[[Path], Row]
) -> Iterator[tuple[str, Row]]:
    """Name and row of each of `items`, in the order in which they end.

    Args:
        here: the job of this process, which works too.
        make_job: makes the job of each of the `workers` - 1 others; must be picklable.
        items: path and name of each file.
        died: row of a file whose process was killed, by the system's lack of memory for example.
    """
    slots: SimpleQueue[_Here | _Process] = SimpleQueue()
    slots.put(_Here(here))
    for _ in range(workers - 1):
        slots.put(_Process(make_job))

    def run(path: Path, name: str) -> Row:
        slot = slots.get()
        try:
            return slot.run(path, name)
        except BrokenProcessPool:
            slot = _Process(make_job)
            return died(path)
        finally:
            slots.put(slot)

    threads = ThreadPoolExecutor(workers)
    try:
        waiting = {threads.submit(run, path, name): name for path, name in items}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    except BaseException:  # given up: what is unfinished is tried again by the next run, so nobody has to wait for it
        threads.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        threads.shutdown(cancel_futures=True)
        while not slots.empty():
            slots.get().close()


class _Here:
    """This process."""

    def __init__(self, job: Job) -> None:
        self.run = job

    def close(self) -> None:
        pass


class _Process:
    """Another process, renewed by its user when it died."""

    def __init__(self, make_job: Callable[[], Job]) -> None:
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        self.executor = ProcessPoolExecutor(1, mp_context=context, initializer=_start, initargs=(make_job,))

    def run(self, path: Path, name: str) -> Row:
        return self.executor.submit(_run, path, name).result()

    def close(self) -> None:
        self.executor.shutdown(cancel_futures=True)


def _start(make_job: Callable[[], Job]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which lets each process end its file
    threading.Thread(target=_end_with_parent, daemon=True).start()
    global _job
    _job = make_job()


def _end_with_parent() -> None:
    parent: Any = multiprocessing.parent_process()
    parent.join()
    os._exit(1)


def _run(path: Path, name: str) -> Row:
    return _job(path, name)
