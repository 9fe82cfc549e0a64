"""Files of a bundle that are no text: weights, arrays, exchange formats, programs; told by what they hold."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import safe_open

from mammoseg.checkpoints.weights_file import WeightsError

WEIGHTS = (".pt", ".pth", ".ckpt", ".safetensors", ".bin")

ARRAYS = (".npy", ".npz")

CODE = (".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".sh", ".bat", ".ps1", ".exe", ".ipynb")

MAGIC = {
    b"\x7fELF": ("code", "is a program"),
    b"MZ": ("code", "is a program"),
    b"#!": ("code", "is a script"),
    b"PK\x03\x04": ("archive", "is an archive in the bundle; unpack it and look through that"),
    b"\x1f\x8b": ("archive", "is an archive in the bundle; unpack it and look through that"),
    **{bytes([0x80, protocol]): ("weights", "is a pickle, which runs what it names") for protocol in range(2, 6)},
}
"""What a file of no ending above is, by its first bytes."""

MOST_EXCHANGED = 2**31
"""Longest ONNX model that is parsed, in bytes."""


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


def find_faults_in_onnx(path: Path) -> Iterator[str]:
    """Why an ONNX model is not run: it reads other files, or names operators that no runtime has by itself."""
    if path.stat().st_size > MOST_EXCHANGED:
        yield f"has more than {MOST_EXCHANGED:,} bytes"
        return
    try:
        import onnx

        model = onnx.load(str(path), load_external_data=False)
    except ImportError:
        yield "cannot be looked into without the package onnx (pip install 'mammoseg[deploy]')"
        return
    except Exception:  # protobuf raises what it comes upon
        yield "is no ONNX model"
        return
    stored = (entry for tensor in _list_tensors(model.graph) for entry in tensor.external_data)
    outside = {entry.value for entry in stored if entry.key == "location"}
    yield from (f"reads its numbers from another file, '{name}'" for name in sorted(outside))
    foreign = {node.domain for node in model.graph.node} - {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
    yield from (f"needs operators of '{domain}', which are code of a stranger" for domain in sorted(foreign))


def _list_tensors(graph: Any) -> Iterator[Any]:
    """All constants of an ONNX graph and of the graphs in it."""
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for inner in (attribute.g, *attribute.graphs):
            if inner.node or inner.initializer:
                yield from _list_tensors(inner)
