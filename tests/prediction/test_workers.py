"""Several processes share the files of a run, and end with it."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mammoseg.prediction.file_job import make_refused_row
from mammoseg.prediction.workers import FEWEST_FILES, choose_worker_count, run_in_workers
from tests.prediction.made_jobs import Slow
from tests.waiting import PATIENCE_SECONDS, is_running, wait_until


def died(path):
    return make_refused_row(path, "E_WORKER", "ended from outside")


def items(*names):
    return [(Path(name), name) for name in names]


def test_every_file_is_done_once_by_two_processes():
    names = [str(number) for number in range(10)]
    rows = dict(run_in_workers(Slow(), Slow, items(*names), 2, died))
    assert sorted(rows) == sorted(names)
    assert len({row.file for row in rows.values()}) == 2


def test_a_killed_process_costs_its_file_only():
    def busy(path, name):
        assert started.wait(PATIENCE_SECONDS), "the other process has not met its end"
        return Slow()(Path("a"), name)

    def ended(path):
        started.set()
        return died(path)

    started = threading.Event()
    rows = dict(run_in_workers(busy, Slow, items("a", "killer", "b", "c"), 2, ended))
    assert rows["killer"].code == "E_WORKER"
    assert [rows[name].code for name in "abc"] == [None] * 3


def test_processes_end_when_the_run_is_given_up():
    running = run_in_workers(Slow(), Slow, items(*map(str, range(100))), 2, died)
    other = next(int(row.file) for _, row in running if int(row.file) != os.getpid())
    running.close()
    wait_until(lambda: not is_running(other), "the other process ends")


def test_processes_end_when_their_parent_is_killed(tmp_path):
    code = (
        "from pathlib import Path; from mammoseg.prediction.workers import run_in_workers;"
        "from tests.prediction.made_jobs import Endless\n"
        "if __name__ == '__main__':\n"
        f"    items = [(Path({str(tmp_path)!r}) / name, name) for name in ('a', 'b')]\n"
        "    list(run_in_workers(Endless(), Endless, items, 2, None))"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen([sys.executable, str(script)], env=environment)

    def both_work():
        return all((tmp_path / name).is_file() and (tmp_path / name).read_text() for name in "ab")

    wait_until(both_work, "both processes have a file", process=parent)
    (worker,) = {int((tmp_path / name).read_text()) for name in "ab"} - {parent.pid}
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not is_running(worker), "the worker ends")


@pytest.mark.parametrize(("files", "asked", "expected"), [(3, None, 1), (1, 4, 1), (9, 4, 4), (9, 0, 1)])
def test_few_files_need_no_second_process(files, asked, expected):
    assert choose_worker_count(files, asked) == expected


def test_many_files_use_every_core():
    assert choose_worker_count(1000, None) == len(os.sched_getaffinity(0))
    assert FEWEST_FILES > 1
