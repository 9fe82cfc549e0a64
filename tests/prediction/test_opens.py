"""How often a run opens a file that it reads. The child that parses it is a process of its own and not counted here."""

import os
import subprocess
import sys

import numpy as np
import pytest

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.overlay import write_picture

COUNTED = """
import sys
from pathlib import Path
from mammoseg.prediction.run import run_predictor
from tests.made_predictor import BrightIsMass

opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
source, output = map(Path, sys.argv[1:])
for _ in range(2):
    run_predictor(BrightIsMass(), [source], output, json=True)
    print(opened.count(str(source)))
    opened.clear()
"""


@pytest.mark.parametrize(("name", "opens"), [("a.dcm", "2"), ("a.png", "3")])
def test_a_file_is_opened_for_its_format_and_for_one_hash_and_when_done_for_its_hash_alone(
    name, opens, pixels, tmp_path
):
    if name.endswith("png"):
        write_picture((pixels // 16).astype(np.uint8), tmp_path / name)
    else:
        write_mammogram(tmp_path / name, pixels)
    command = [sys.executable, "-c", COUNTED, str(tmp_path / name), str(tmp_path / "out")]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.isdecimal()] == [opens, "1"]
