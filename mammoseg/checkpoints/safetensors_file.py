"""Weights that ship: safetensors in half precision, with what a checkpoint records as JSON in their metadata.

The format names no code at all. What a header claims is looked at before a tensor is made of it.
"""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from mammoseg.checkpoints.torch_file import MOST_ENTRIES, require_size_to_read
from mammoseg.checkpoints.weights_file import WeightsError

MOST_HEADER_BYTES = 2**22
"""Longest header; that of the bundle with the most tensors has 0.1 MB."""

LENGTH_BYTES = 8
"""The file begins with the length of its header, little-endian; the header is JSON and begins with a brace."""

DTYPES = {"F16", "BF16", "F32", "I64"}
"""Kinds of numbers that a network has, by what the format calls them."""

METADATA, RECORD = "__metadata__", "mammoseg"
"""Key of the header that stands for no tensor, and its one text: several would be written in any order."""


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as the format does; a checkpoint of `torch.save` begins as a zip archive."""
    with path.open("rb") as file:
        return file.read(LENGTH_BYTES + 1)[LENGTH_BYTES:] == b"{"


def read_safetensors_file(path: Path) -> dict[str, Any]:
    """The parts of a checkpoint, of which only ``model`` was looked at: tensors, floating ones as float32.

    Raises:
        WeightsError: the file is damaged, cannot be read, or holds numbers that no network has.
    """
    try:
        require_size_to_read(path)
        content = path.read_bytes()
        header = _read_header(content)
        parts = json.loads(header.pop(METADATA)[RECORD])
        if len(header) > MOST_ENTRIES or any(tensor["dtype"] not in DTYPES for tensor in header.values()):
            raise WeightsError("has tensors of numbers that no network has, or too many of them.")
        return {**parts, "model": {key: _as_single(value) for key, value in load(content).items()}}
    except WeightsError as error:
        raise WeightsError(f"{path} {error}") from error
    except Exception as error:  # the parsers raise what they come upon
        raise WeightsError(f"{path} is damaged or holds no weights.") from error


def to_safetensors(model: dict[str, Tensor], parts: dict[str, Any]) -> bytes:
    """Bytes of a file with these tensors of any shape, floating ones in half precision, and these parts beside them.

    Raises:
        ValueError: a value is too large for half precision, or none.
    """
    halves = {key: _as_half(key, value) for key, value in model.items()}
    return save(halves, metadata={RECORD: json.dumps(parts, sort_keys=True)})


def _read_header(content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:LENGTH_BYTES], "little")
    if not 0 < length <= min(MOST_HEADER_BYTES, len(content) - LENGTH_BYTES):
        raise WeightsError("is damaged: its header claims more than the file has, or than any network needs.")
    return json.loads(content[LENGTH_BYTES : LENGTH_BYTES + length])


def _as_single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _as_half(key: str, value: Tensor) -> Tensor:
    if not value.is_floating_point():
        return value.contiguous()
    half = value.half().contiguous()
    if not half.isfinite().all():
        raise ValueError(f"{key} has values that half precision cannot hold")
    return half
