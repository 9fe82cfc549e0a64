"""What another engine than torch can stand on: it imports neither torch nor MONAI, in a process of its own."""

import pkgutil
import subprocess
import sys

import pytest

import mammoseg.inference
import mammoseg.inference.engines
import mammoseg.prediction

NEED_TORCH = {
    mammoseg.inference: {
        "acceleration",
        "bfloat16",
        "bfloat16_inferer",
        "ensemble",
        "flips",
        "folding",
        "keep_masses",
        "precision",
    },
    mammoseg.inference.engines: {"conversion", "torch_engine"},
    mammoseg.prediction: {"save_prediction"},
}
"""Modules of the torch engine, and the last step of `monai.bundle run`, by their room; a new name needs a reason."""

IMPORTED = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
print(*(name for name in ("torch", "monai") if name in sys.modules))
"""


def imported_with(*names):
    """Which of torch and monai a new process has imported after these modules."""
    done = subprocess.run([sys.executable, "-c", IMPORTED, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("room", NEED_TORCH, ids=lambda room: room.__name__)
def test_only_the_torch_engine_imports_torch(room):
    names = {module.name for module in pkgutil.iter_modules(room.__path__)}
    assert NEED_TORCH[room] < names
    assert imported_with(*(f"{room.__name__}.{name}" for name in sorted(names - NEED_TORCH[room]))) == []


def test_the_torch_engine_imports_torch_and_leaves_monai_to_training():
    assert imported_with("mammoseg.inference.engines.torch_engine") == ["torch"]


def test_a_module_of_the_bundles_is_seen_to_import_both():
    assert imported_with("mammoseg.inference.bfloat16_inferer") == ["torch", "monai"]
