"""Files of a bundle that are no text: weights, arrays, exchange formats, programs; told by what they hold."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import safe_open

from mammoseg.audit.pickles import is_pickle_that_runs
from mammoseg.checkpoints.weights_file import WeightsError

WEIGHTS = (".pt", ".pth", ".ckpt", ".safetensors", ".bin")

ARRAYS = (".npy", ".npz")

CODE = (
    *(".py", ".pyc", ".pyd", ".pyw", ".so", ".dll", ".dylib", ".sh", ".bat", ".cmd", ".com", ".ps1", ".vbs", ".js"),
    *(".exe", ".msi", ".scr", ".lnk", ".desktop", ".command", ".pl", ".rb", ".ipynb"),
    *(".plan", ".engine", ".trt"),  # of TensorRT
)

ARCHIVE = ("archive", "is an archive in the bundle; unpack it and look through that")

PICKLE = ("weights", "is a pickle, which runs what it names")

MAGIC = {
    b"\x7fELF": ("code", "is a program"),
    b"MZ": ("code", "is a program"),
    b"#!": ("code", "is a script"),
    **dict.fromkeys(
        (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!"), ARCHIVE
    ),
    **{bytes([0x80, protocol]): PICKLE for protocol in range(6)},
}
"""What a file of no ending above is, by its first bytes."""

TAR = slice(257, 262)
"""Where an archive of ``tar`` says that it is one."""


def find_faults_by_content(path: Path) -> Iterator[tuple[str, str]]:
    """Kind and fault of a file that is something else than its name says: a program, an archive, a pickle."""
    with path.open("rb") as file:
        first = file.read(TAR.stop)
    if first[TAR] == b"ustar":
        yield ARCHIVE
    found = {found for magic, found in MAGIC.items() if first.startswith(magic)}
    yield from found or ({PICKLE} if is_pickle_that_runs(path) else ())


def find_faults_in_weights(path: Path) -> Iterator[str]:
    """Why weights are not loaded: code in them, or anything else than tensors and plain values."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if any(re.search(r"(^|/)code/", name) for name in names):
            yield "is TorchScript, which is a program; nothing tells from outside what it does"
            return
        if any(name.endswith(("archive_format", "models/model.json")) for name in names):
            yield "is a program of torch.export; nothing tells from outside what it does"
            return
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, "numpy"):
                return
        except Exception:  # its parser raises what it comes upon
            yield "is damaged or holds no weights"
            return
    from mammoseg.checkpoints.torch_file import read_torch_file  # torch takes seconds, and not every bundle has such

    try:
        read_torch_file(path)
    except WeightsError as error:
        yield str(error).removeprefix(f"{path} ").rstrip(".")


def find_faults_in_array(path: Path) -> Iterator[str]:
    """Why an array of NumPy is not loaded: it holds Python's objects, or is none."""
    try:
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                kinds = [_read_kind(archive.open(name)) for name in archive.namelist()]
        else:
            with path.open("rb") as file:
                kinds = [_read_kind(file)]
    except Exception:  # its parser raises what it comes upon
        yield "is no array of NumPy"
        return
    if any(kind.hasobject for kind in kinds):
        yield "is an array of Python's objects, a pickle, which runs what it names"


def _read_kind(file: IO[bytes]) -> np.dtype[Any]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)[2]
