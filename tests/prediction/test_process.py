import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mammoseg.prediction.process import Standby, end_processes
from tests.prediction.made_jobs import ImportsSeen, Slow


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


def test_ctrl_c_while_all_processes_still_import_says_one_sentence(tmp_path):
    files = [tmp_path / f"{number}.dcm" for number in range(2)]
    weights = tmp_path / "model.pt"
    for file in (*files, weights):
        file.touch()
    command = [sys.executable, "-m", "mammoseg.cli", "predict", *map(str, files), "--output", str(tmp_path / "out")]
    command += ["--weights", str(weights)]
    running = subprocess.Popen(
        [*command, "--workers", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    while not children.read_text():
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    said = [line for line in errors.splitlines() if not line.endswith("loading unet, which can take a minute.")]
    assert said == ["mammoseg: stopped; what was finished is kept."]
