"""One preprocessed item as small arrays, in memory or in a file; nothing in the file is executed, damage is noticed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

from mammoseg.files import atomic_path

MOST_MOVED = 1 / 4096
"""How far float16 may move a value, as a share of the image's range; else the image stays float32."""

TRACE = "trace"
"""Name of the array that holds, as JSON in UTF-8, what is no pixel: channels, metadata, the moves that were made."""

Packed = dict[str, np.ndarray]
"""Arrays of an item by its keys, and `TRACE`."""


def pack(item: Mapping[str, MetaTensor]) -> Packed:
    """The small form of an item; channels that are all the same are kept once.

    Args:
        item: MetaTensors ``(channels, rows, columns)`` by key.
    Returns:
        Arrays ``(channels or 1, rows, columns)`` in the kind of `compact`.
    """
    packed, traces = {}, {}
    for key, tensor in item.items():
        values = tensor.numpy()
        packed[key] = compact(values[:1] if (values == values[:1]).all() else values)
        traces[key] = {
            "channels": len(values),
            "affine": tensor.affine.tolist(),
            "meta": {name: value for name, value in tensor.meta.items() if name != "affine"},
            "applied_operations": tensor.applied_operations,
        }
    packed[TRACE] = np.frombuffer(json.dumps(traces).encode(), np.uint8)
    return packed


def unpack(packed: Packed, *, traced: bool = True) -> dict[str, Any]:
    """The item again, in float32.

    Args:
        traced: give MetaTensors that `Invertd` can send back, instead of plain tensors, which cost less.
    Returns:
        Tensors ``(channels, rows, columns)`` by key.
    """
    item = {}
    for key, trace in json.loads(packed[TRACE].tobytes()).items():
        values = torch.from_numpy(packed[key].astype(np.float32))
        if trace["channels"] != len(values):
            values = values.repeat(trace["channels"], 1, 1)
        if traced:
            values = MetaTensor(
                values,
                affine=torch.tensor(trace["affine"], dtype=torch.float64),
                meta=trace["meta"],
                applied_operations=trace["applied_operations"],
                spatial_ndim=2,
            )
        item[key] = values
    return item


def compact(values: np.ndarray) -> np.ndarray:
    """Values of any shape: uint8 where none changes (masks), float16 where none moves by more than `MOST_MOVED`."""
    with np.errstate(invalid="ignore", over="ignore"):
        whole, half = values.astype(np.uint8), values.astype(np.float16)
    if np.array_equal(whole, values):
        return whole
    moved = np.abs(half.astype(np.float32) - values).max()
    return half if moved <= MOST_MOVED * (values.max() - values.min()) else values


def write_packed(path: Path, packed: Packed, *, first_stays: bool) -> None:
    """Write a file that appears whole or not at all.

    Args:
        packed: arrays ``(channels or 1, rows, columns)`` of `pack`.
        first_stays: keep what another process has put there meanwhile; else it is replaced.
    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    with atomic_path(path, first_stays=first_stays) as temporary:
        np.savez(temporary, allow_pickle=False, **packed)


def read_packed(path: Path, *, keys: tuple[str, ...], size: tuple[int, ...]) -> Packed | None:
    """What a file holds; None where there is none, or it is damaged (its checksums say so), or of no use.

    Args:
        keys: keys that the item has.
        size: rows and columns of each.
    Returns:
        Arrays ``(channels or 1, rows, columns)``, as `pack` made them.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            packed = {name: arrays[name] for name in (*keys, TRACE)}
        item = unpack(packed)
    except Exception:  # a damaged file makes numpy and zipfile raise anything
        return None
    fits = tuple(item) == keys and all(tensor.shape[1:] == size for tensor in item.values())
    return packed if fits else None
