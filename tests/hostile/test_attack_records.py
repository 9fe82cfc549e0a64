"""Nothing runs from a plan, a datalist, a ledger or a recorded evaluation, and every bad one is one sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

MOST_MIB = 256
"""Memory that reading all of them may take."""


def test_no_record_of_a_stranger_runs_writes_or_fills_anything_and_each_is_one_sentence(tmp_path):
    command = [sys.executable, "-m", "tests.hostile.attack_records", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["wrong"], found["seen"]) == ({}, [])
    assert found["mib"] < MOST_MIB
    assert not list(tmp_path.rglob("pwned"))
