"""Programs that are started end with the block, and with who started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mammoseg.program import running

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


def is_running(pid: int) -> bool:
    """Whether there is such a process that is not merely waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_ends_with_its_block():
    with pytest.raises(RuntimeError), running(["sleep", "60"]) as process:
        raise RuntimeError
    assert process.returncode == -signal.SIGTERM


def test_one_that_does_not_listen_is_killed(tmp_path):
    with (tmp_path / "said").open("w") as said, running(STUBBORN, seconds=0.1, output=said) as process:
        while not (tmp_path / "said").read_text():
            time.sleep(0.02)
    assert process.returncode == -signal.SIGKILL


def test_it_ends_when_who_started_it_is_killed():
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert is_running(pid)
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    deadline = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(pid)
