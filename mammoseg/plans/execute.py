"""Do the steps of a plan: one after the other in this process, or several at once, each in a child process."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mammoseg.command_line import find_known_error
from mammoseg.cores import count_cores
from mammoseg.data.ingest import ingest
from mammoseg.parent import end_with_parent
from mammoseg.plans.state import note_begun, note_done, note_failed, read_status
from mammoseg.plans.step_log import said_in
from mammoseg.plans.steps import Step
from mammoseg.training.workflow import evaluate, train

LOG = "log.txt"
"""In a step's folder: what it said."""

CALLS: dict[str, Callable[..., Any]] = {"ingest": ingest, "train": train, "evaluate": evaluate}

Told = Callable[[Step, str], None]
"""Is told of a step that begins, ends or fails: ``running``, ``done``, ``failed``."""


def execute(steps: Sequence[Step], output: Path, *, jobs: int, told: Told) -> None:
    """Do what is not done yet; what needs a step that failed is left.

    Args:
        steps: each after those that it needs.
        jobs: how many at once; 1 is this process itself.
        told: called in this thread as things happen.
    Raises:
        KeyboardInterrupt: Ctrl-C; children have ended then.
    """
    if jobs == 1:
        for step in _find_ready(steps, output):
            told(step, "running")
            told(step, _run_here(step, output))
    else:
        _run_in_children(steps, output, jobs=jobs, told=told)


def build_command(step: Step) -> list[str]:
    """The same step as words of a command line."""
    words = [sys.executable, "-m", "mammoseg.cli", step.command, *step.inputs]
    for name, value in step.options.items():
        for one in value if name == "weights" else [value]:
            words.append(f"--{name.replace('all_in', 'all')}={_format_option(step, one)}")
    return words


def _find_ready(steps: Sequence[Step], output: Path) -> Iterator[Step]:
    """Each step that is not done, as soon as all that it needs is."""
    for step in steps:
        if read_status(step, output).state != "done" and _can_begin(step, steps, output):
            yield step


def _can_begin(step: Step, steps: Sequence[Step], output: Path) -> bool:
    return all(read_status(other, output).state == "done" for other in steps if other.key in step.needs)


def _run_here(step: Step, output: Path) -> str:
    note_begun(step, output)
    with (output / step.key / LOG).open("a", encoding="utf-8") as log:
        try:
            with said_in(log):
                CALLS[step.command](*step.inputs, **step.options)
        except Exception as error:  # whatever ended it, the other steps go on
            known = find_known_error(error)
            print(known, file=log)
            note_failed(step, output, str(known))
            return "failed"
    note_done(step, output)
    return "done"


def _run_in_children(steps: Sequence[Step], output: Path, *, jobs: int, told: Told) -> None:
    ended: queue.Queue[tuple[Step, int]] = queue.Queue()
    running: dict[str, subprocess.Popen[bytes]] = {}
    tried: set[str] = set()
    try:
        while True:
            for step in _find_ready(steps, output):
                if len(running) < jobs and step.key not in tried:
                    tried.add(step.key)
                    running[step.key] = _start(step, output, jobs)
                    threading.Thread(target=_wait, args=(step, running[step.key], ended), daemon=True).start()
                    told(step, "running")
            if not running:
                return
            step, code = ended.get()
            del running[step.key]
            if code:
                reason = _read_last_line(output / step.key / LOG) or f"it ended with code {code}"
                note_failed(step, output, reason)
                told(step, "failed")
            else:
                note_done(step, output)
                told(step, "done")
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()


def _start(step: Step, output: Path, jobs: int) -> "subprocess.Popen[bytes]":
    """A child that ends with this process, and takes its share of the cores."""
    note_begun(step, output)
    threads = str(max(1, count_cores() // jobs))
    with (output / step.key / LOG).open("ab") as log:
        return subprocess.Popen(
            build_command(step),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"OMP_NUM_THREADS": threads, **os.environ},
            preexec_fn=partial(end_with_parent, os.getpid()),
        )


def _wait(step: Step, process: "subprocess.Popen[bytes]", ended: "queue.Queue[tuple[Step, int]]") -> None:
    ended.put((step, process.wait()))


def _read_last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").strip().splitlines()
    return lines[-1].removeprefix("mammoseg: ") if lines else ""


def _format_option(step: Step, value: Any) -> str:
    if step.command == "ingest" and isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)
