"""How often a run opens a file that it reads, counted in its process and in the children that parse and decode."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.overlay import write_picture

COUNTING = """
import os, socket, sys

def tell(event, args):
    if event == "open" and str(args[0]) == os.environ["COUNTED"]:
        teller.sendto(str(os.getpid()).encode(), os.environ["TOLD"])

teller = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sys.addaudithook(tell)
"""
"""Runs first in each process that has it on its path; a child of the gate may write to no file, but to a socket."""

RUN = """
import os, sys
from pathlib import Path
from tests.run_predictor import run_predictor
from tests.made_predictor import BrightIsMass

run_predictor(BrightIsMass(), [Path(sys.argv[1])], Path(sys.argv[2]), json=True)
print(os.getpid())
"""


def openers(path, folder):
    """Who opens a file in one run into `folder`, in order: "run" or "child"."""
    (folder / "sitecustomize.py").write_text(COUNTING)
    address = folder / "told"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(address))
        paths = os.pathsep.join([str(folder), *sys.path])
        environment = os.environ | {"PYTHONPATH": paths, "COUNTED": str(path), "TOLD": str(address)}
        command = [sys.executable, "-c", RUN, str(path), str(folder / "out")]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        address.unlink()
        assert done.returncode == 0, done.stderr
        told.setblocking(False)
        return ["run" if pid == done.stdout.split()[-1] else "child" for pid in _received(told)]


def _received(told):
    while True:
        try:
            yield told.recv(32).decode()
        except BlockingIOError:
            return


@pytest.mark.parametrize("name", ["a.dcm", "a.png"])
def test_a_file_is_opened_once_by_the_child_and_when_done_once_for_its_hash(name, pixels, tmp_path):
    if name.endswith("png"):
        write_picture((pixels // 16).astype(np.uint8), tmp_path / name)
    else:
        write_mammogram(tmp_path / name, pixels)
    assert openers(tmp_path / name, tmp_path) == ["child"]
    assert openers(tmp_path / name, tmp_path) == ["run"]
