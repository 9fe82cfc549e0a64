"""torchvision can be imported beside a CPU build of torch, and is left alone where it works."""

import subprocess
import sys

import torch

from mammoseg import compat


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_torchvision_and_timm_import_after_healing():
    done = run("from mammoseg.compat import heal_torchvision as h; h(); h(); import torchvision, timm")
    assert done.returncode == 0, done.stderr


def test_nothing_is_declared_where_the_compiled_part_loads(monkeypatch):
    monkeypatch.setattr(compat, "_LIBRARY", [])
    monkeypatch.setattr(compat, "_compiled_part_loads", lambda: True)
    monkeypatch.setattr(torch.library, "Library", lambda *_: (_ for _ in ()).throw(AssertionError("declared")))
    compat.heal_torchvision()
    assert compat._LIBRARY == []
