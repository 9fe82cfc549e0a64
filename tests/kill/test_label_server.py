"""The label server killed within its requests loses nothing that it acknowledged."""

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_no_label_and_no_version_is_lost_when_the_server_is_killed_within_a_request():
    command = [sys.executable, "-m", "tests.kill.label_server", "--kills", "4", "--trainings", "0"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:] + done.stdout[-1000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["problems"] == [] and sum(result["kills"].values()) == 4
    assert result["labels_acknowledged"] >= 10
