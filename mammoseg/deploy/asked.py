"""What is wrong with an export that can be said before torch is imported."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from mammoseg.errors import WrongCallError, make_unknown_name_error
from mammoseg.files import check_empty

TORCHSCRIPT, TORCH_EXPORT, ONNX = "torchscript", "torch_export", "onnx"

PACKAGES: dict[str, tuple[str, ...]] = {
    TORCHSCRIPT: (),
    TORCH_EXPORT: (),
    ONNX: ("onnx", "onnxscript", "onnxruntime"),
}
"""What each format needs beside torch, by the name that `mammoseg export --formats` takes."""


def check_asked(output: str | Path, formats: Iterable[str]) -> None:
    """Look whether the output is new and each format can be written.

    Raises:
        WrongCallError: `output` holds something, a format is unknown, or its packages are not installed.
    """
    check_empty(Path(output))
    for name in formats:
        check_format(name)


def check_format(name: str) -> None:
    """Look whether there is such a format, and what it needs.

    Raises:
        WrongCallError: it is unknown, or its packages are not installed.
    """
    if name not in PACKAGES:
        raise make_unknown_name_error("format", name, PACKAGES)
    absent = [package for package in PACKAGES[name] if importlib.util.find_spec(package) is None]
    if absent:
        raise WrongCallError(f"format {name} needs {', '.join(absent)}; run: pip install 'mammoseg[deploy]'.")
