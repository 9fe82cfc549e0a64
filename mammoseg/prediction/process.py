"""One further process: it makes a job when it gets its first file, and does file after file with it."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mammoseg.parent import end_with_parent
from mammoseg.prediction.table import Row
from mammoseg.quick_import import import_quickly

FileRunner = Callable[[Path, str], Row]

Result = TypeVar("Result")

_job: FileRunner | None = None

_executors: list[ProcessPoolExecutor] = []
"""Kept to the end: where that of a killed process is collected, a thread of Python 3.12.1 waits for itself for ever."""


class WorkerProcess:
    """Starts with its first task; ends with this process, however this one ends."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        self._executor = ProcessPoolExecutor(1, mp_context=context, initializer=_start)
        _executors.append(self._executor)

    def start(self, module: str) -> None:
        """Import a module that takes seconds, before there is anything else to do."""
        self._submit(_import, module)

    def run(self, make_job: Callable[[], FileRunner], path: Path, name: str) -> Row:
        """Do one file.

        Args:
            make_job: makes the job of this process, at its first file; must be picklable.

        Raises:
            BrokenProcessPool: the process was killed; it cannot be used again.
        """
        return self._submit(_run, make_job, path, name).result()

    def _submit(self, task: Callable[..., Result], *arguments: Any) -> "Future[Result]":
        with _interrupts_kept_out():
            return self._executor.submit(task, *arguments)


class Standby:
    """Processes that import while this one imports the same; those that nobody took end with the block.

    Args:
        count: number of processes.
        module: module that they import.
    """

    def __init__(self, count: int, module: str) -> None:
        self._processes = [WorkerProcess() for _ in range(count)]
        for process in self._processes:
            process.start(module)

    def take(self) -> WorkerProcess:
        """One of them, or a new one when all are taken."""
        return self._processes.pop() if self._processes else WorkerProcess()

    def __enter__(self) -> "Standby":
        return self

    def __exit__(self, *error: object) -> None:
        if self._processes:
            end_processes()


def end_processes() -> None:
    """Kill all further processes; with torch loaded they would take seconds to end by themselves."""
    children = multiprocessing.active_children()
    for process in children:
        process.kill()
    while any(process.is_alive() for process in children):  # an executor collects its own, too
        time.sleep(0.001)


@contextmanager
def _interrupts_kept_out() -> Iterator[None]:
    """Ctrl-C does not reach a process that is started meanwhile, from its first instruction on.

    A signal that is blocked stays so in a new process; one that were ignored for its sake would be lost for this one.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which lets each process end its file
    parent: Any = multiprocessing.parent_process()
    end_with_parent(parent.pid)


def _import(module: str) -> None:
    import_quickly(module)  # a module cannot be sent back


def _run(make_job: Callable[[], FileRunner], path: Path, name: str) -> Row:
    global _job
    if _job is None:
        _job = make_job()
    return _job(path, name)
