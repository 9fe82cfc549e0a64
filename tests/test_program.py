"""Programs that are started end with the block, and with who started them."""

import signal
import subprocess
import sys

import pytest

from mammoseg.program import running
from tests.waiting import is_running, wait_until

STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
]

STARTER = """
import time
from mammoseg.program import running
with running(["sleep", "60"]) as process:
    print(process.pid, flush=True)
    time.sleep(60)
"""


def test_a_program_ends_with_its_block():
    with pytest.raises(RuntimeError), running(["sleep", "60"]) as process:
        raise RuntimeError
    assert process.returncode == -signal.SIGTERM


def test_one_that_does_not_listen_is_killed(tmp_path):
    with (tmp_path / "said").open("w") as said, running(STUBBORN, seconds=0.1, output=said) as process:
        wait_until((tmp_path / "said").read_text, "it listens no more", process=process)
    assert process.returncode == -signal.SIGKILL


def test_it_ends_when_who_started_it_is_killed():
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert is_running(pid)
        starter.kill()
    wait_until(lambda: not is_running(pid), "the program ends")
