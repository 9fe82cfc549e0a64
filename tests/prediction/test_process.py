"""Processes that get ready before they have a job, and end with the call."""

import multiprocessing
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from mammoseg.prediction.process import Standby, WorkerProcess, end_processes
from tests.prediction.made_jobs import ImportsSeen, Interrupted, Slow
from tests.waiting import PATIENCE_SECONDS, wait_until

ENDLESS_TORCH = """
import os, pathlib, time
with pathlib.Path(__file__).with_name("importing").open("a") as file:
    file.write(f"{os.getpid()}\\n")
while not pathlib.Path(__file__).with_name("go on").exists():
    time.sleep(0.01)
"""
"""Stands in for torch: says which process imports it, and takes until it is told to go on."""


def test_a_process_imports_before_it_has_a_job():
    with Standby(1, "colorsys") as standby:
        process = standby.take()
    assert "colorsys" in process.run(ImportsSeen, Path("a"), "a").notes
    end_processes()


def test_more_processes_than_stand_by_are_started():
    with Standby(1, "colorsys") as standby:
        processes = [standby.take() for _ in range(2)]
        assert len({process.run(Slow, Path("a"), "a").file for process in processes} - {str(os.getpid())}) == 2
    end_processes()


def test_processes_that_nobody_took_end_with_the_block():
    with Standby(2, "colorsys"):
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


def test_ctrl_c_does_not_reach_a_process():
    assert WorkerProcess().run(Interrupted, Path("a"), "a").file == "a"
    end_processes()


def test_ctrl_c_while_all_processes_still_import_says_one_sentence(tmp_path):
    files = [tmp_path / f"{number}.dcm" for number in range(2)]
    weights, importing = tmp_path / "model.pt", tmp_path / "importing"
    for file in (*files, weights, importing):
        file.touch()
    (tmp_path / "torch.py").write_text(ENDLESS_TORCH)
    command = [sys.executable, "-m", "mammoseg.cli", "predict", *map(str, files), "--output", str(tmp_path / "out")]
    running = subprocess.Popen(
        [*command, "--bundle", "unet", "--weights", str(weights), "--workers", "2", "--runtime", "torch"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell may have told us to ignore it
    )
    wait_until(lambda: len(importing.read_text().split()) == 2, "two processes import torch", process=running)
    os.killpg(running.pid, signal.SIGINT)
    (tmp_path / "go on").touch()
    _, errors = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 130, errors
    said = [line for line in errors.splitlines() if "loading unet" not in line]
    assert said == ["mammoseg: stopped."]


DIES = """
import os
from pathlib import Path
from mammoseg.prediction.process import WorkerProcess

def make_job():
    return lambda path, name: os._exit(3)

if __name__ == "__main__":
    for _ in range(6):
        process = WorkerProcess()
        try:
            process.run(make_job, Path("a"), "a")
        except Exception as error:
            print(type(error).__name__)
        del process
"""


def test_a_program_whose_processes_died_ends(tmp_path):
    """Python 3.12.1 waited for ever, others do not."""
    script = tmp_path / "dies.py"
    script.write_text(DIES)
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert ended.stdout.split() == ["BrokenProcessPool"] * 6 and ended.returncode == 0
