"""`predict`, killed again and again, ends like one that is not; the program is tests/kill/predict.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_a_run_that_is_killed_again_and_again_ends_like_one_that_is_not():
    command = [sys.executable, "-m", "tests.kill.predict", "--kills", "4", "--images", "24", "--size", "128"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["different_at_the_end"] == []
    assert result["broken_files_seen"] == 0
    assert result["files"] == 3 * 24 + 1, "SEG, SR and overlay of each image, and the table"
