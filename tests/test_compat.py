"""torchvision can be imported beside a CPU build of torch, MONAI Label beside pydicom 3; what works is left alone."""

import subprocess
import sys
from types import ModuleType

import torch

from mammoseg import compat


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_torchvision_and_timm_import_after_healing():
    done = run("from mammoseg.compat import heal_torchvision as h; h(); h(); import torchvision, timm")
    assert done.returncode == 0, done.stderr


def test_nothing_is_declared_where_the_compiled_part_loads(monkeypatch):
    monkeypatch.setattr(compat, "_LIBRARY", [])
    monkeypatch.setattr(compat, "_can_load_compiled_part", lambda: True)
    monkeypatch.setattr(torch.library, "Library", lambda *_: (_ for _ in ()).throw(AssertionError("declared")))
    compat.heal_torchvision()
    assert compat._LIBRARY == []


def test_monai_label_imports_beside_pydicom_3_after_healing():
    healed = "from mammoseg.compat import heal_pydicom_seg as p, heal_torchvision as t; p(); t()"
    done = run(f"{healed}; import monailabel.tasks.infer.bundle, monailabel.datastore.utils.convert")
    assert done.returncode == 0, done.stderr


def test_an_imported_pydicom_seg_is_left_alone(monkeypatch):
    there = ModuleType("pydicom_seg")
    monkeypatch.setitem(sys.modules, "pydicom_seg", there)
    compat.heal_pydicom_seg()
    assert sys.modules["pydicom_seg"] is there
