"""Whatever starts a process, a parent that is killed leaves none behind."""

import os
import signal
import subprocess
import sys

import pytest

from tests.waiting import is_running, wait_until

END = "from mammoseg.parent import end_with_parent\nimport os, time\n"

FORK = f"""
{END}
parent = os.getpid()
if pid := os.fork():
    time.sleep(600)
end_with_parent(parent)
print(os.getpid(), flush=True)
time.sleep(600)
"""

RUNNING = """
import time
from mammoseg.program import running
with running(["sleep", "600"]) as process:
    print(process.pid, flush=True)
    time.sleep(600)
"""

WORKER = """
import os, time
from mammoseg.prediction.process import WorkerProcess
if __name__ == "__main__":
    print(WorkerProcess()._submit(os.getpid).result(), flush=True)
    time.sleep(600)
"""

TRAINING = """
import os, subprocess, sys, time
command = [sys.executable, "-m", "monailabel_app.lib.models.train_job", sys.argv[1], str(os.getpid())]
print(subprocess.Popen(command).pid, flush=True)
time.sleep(600)
"""


def started(program: str, folder, *words: str) -> tuple[subprocess.Popen, int]:
    """A running parent, and the id of its child, which is the last number that it prints."""
    (folder / "parent.py").write_text(program)
    command = [sys.executable, str(folder / "parent.py"), *words]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    child = next(int(line) for line in parent.stdout if line.strip())
    return parent, child


@pytest.mark.parametrize("program", [FORK, RUNNING, WORKER], ids=["a fork", "a program", "a worker of predict"])
def test_a_killed_parent_leaves_no_child(program, tmp_path):
    parent, child = started(program, tmp_path)
    assert is_running(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until(lambda: not is_running(child), "the child ends")


def test_a_killed_label_server_leaves_no_training(tmp_path):
    os.mkfifo(tmp_path / "job.json")  # the training reads its job until somebody writes
    parent, child = started(TRAINING, tmp_path, str(tmp_path / "job.json"))
    with (tmp_path / "job.json").open("w"):  # opens once the training reads
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
        wait_until(lambda: not is_running(child), "the training ends")


def test_a_child_whose_parent_is_gone_already_ends_at_once():
    program = f"{END}end_with_parent(os.getppid() + 1); print('still here')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "")
