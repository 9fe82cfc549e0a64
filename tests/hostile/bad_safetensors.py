"""Weights that ship, made bad: by the header, by what it claims of the tensors, by the record beside them."""

import json
from collections.abc import Callable
from typing import Any

import torch

from mammoseg.checkpoints.safetensors_file import LENGTH_BYTES, METADATA, RECORD, to_safetensors

Header = dict[str, Any]


def sound_file(content: dict[str, Any], **changes: Any) -> bytes:
    """Bytes of weights that ship, of the parts of a checkpoint."""
    parts = {name: part for name, part in content.items() if name != "model"}
    return to_safetensors(content["model"], parts | {"threshold": 0.35, "calibration": None} | changes)


def with_header(change: Callable[[Header], Any], sound: bytes) -> bytes:
    """The file with its header changed."""
    length = int.from_bytes(sound[:LENGTH_BYTES], "little")
    header = json.loads(sound[LENGTH_BYTES : LENGTH_BYTES + length])
    change(header)
    return with_text(json.dumps(header).encode(), sound)


def with_text(text: bytes, sound: bytes) -> bytes:
    """The file with another text for a header."""
    length = int.from_bytes(sound[:LENGTH_BYTES], "little")
    return len(text).to_bytes(LENGTH_BYTES, "little") + text + sound[LENGTH_BYTES + length :]


def first(header: Header) -> Header:
    """What the header says of one tensor of floats."""
    return next(tensor for name, tensor in header.items() if name != METADATA and tensor["dtype"] == "F16")


HEADERS: dict[str, Callable[[Header], Any]] = {
    "no record": lambda header: header.pop(METADATA),
    "a record of another program": lambda header: header.update({METADATA: {"format": "pt"}}),
    "a record that is no text": lambda header: header.update({METADATA: {RECORD: 5}}),
    "a record that is no JSON": lambda header: header.update({METADATA: {RECORD: "{"}}),
    "a record that is a list": lambda header: header.update({METADATA: {RECORD: "[]"}}),
    "a record 100,000 deep": lambda header: header.update({METADATA: {RECORD: "[" * 10**5}}),
    "a shape of terabytes": lambda header: first(header).update(shape=[2**40]),
    "a shape of no end": lambda header: first(header).update(shape=[2**62, 2**62]),
    "a side below zero": lambda header: first(header).update(shape=[-1]),
    "another shape of as many bytes": lambda header: first(header).update(shape=[54]),
    "a place behind the file": lambda header: first(header).update(data_offsets=[2**40, 2**40 + 108]),
    "a place that two share": lambda header: first(header).update(data_offsets=[0, 8]),
    "a place that ends before it begins": lambda header: first(header).update(data_offsets=[108, 0]),
    "small integers": lambda header: first(header).update(dtype="U8"),
    "doubles": lambda header: first(header).update(dtype="F64"),
    "8-bit floats": lambda header: first(header).update(dtype="F8_E4M3"),
    "a kind of numbers that is not there": lambda header: first(header).update(dtype="$F16"),
    "a kind of numbers that is a list": lambda header: first(header).update(dtype=["F16"]),
    "a tensor that is a number": lambda header: header.update(more=5),
    "a tensor too many": lambda header: header.update(more={"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}),
    "30,000 tensors": lambda header: header.update(
        {f"t{n}": {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]} for n in range(30_000)}
    ),
}

CALIBRATION = {"scale": 0.5, "offset": -1.0, "fitted_on": "phantoms"}

BF16 = {"dice_change": 0.0, "measured_on": "phantoms"}

RECORDS: dict[str, dict[str, Any]] = {
    "a threshold that is NaN": {"threshold": float("nan")},
    "a threshold of 1": {"threshold": 1.0},
    "a threshold in words": {"threshold": "0.35"},
    "a threshold that is a truth": {"threshold": True},
    "a scale of 0": {"calibration": {**CALIBRATION, "scale": 0.0}},
    "a scale that is infinite": {"calibration": {**CALIBRATION, "scale": float("inf")}},
    "an offset that is NaN": {"calibration": {**CALIBRATION, "offset": float("nan")}},
    "an offset in words": {"calibration": {**CALIBRATION, "offset": "0"}},
    "data of a thousand letters": {"calibration": {**CALIBRATION, "fitted_on": "a" * 1000}},
    "a calibration without data": {"calibration": {"scale": 1.0, "offset": 0.0}},
    "a calibration of an unknown word": {"calibration": {**CALIBRATION, "slope": 1.0}},
    "a least area below zero": {"min_area_mm2": -1.0},
    "a least area that is NaN": {"min_area_mm2": float("nan")},
    "a change of Dice that is NaN": {"bf16": {**BF16, "dice_change": float("nan")}},
    "a change of Dice in words": {"bf16": {**BF16, "dice_change": "0.1"}},
    "a change of Dice of 2": {"bf16": {**BF16, "dice_change": 2.0}},
    "a change of Dice without data": {"bf16": {"dice_change": 0.0}},
    "a change of Dice on a thousand letters": {"bf16": {**BF16, "measured_on": "a" * 1000}},
    "bf16 that is a truth": {"bf16": True},
    "flips in words": {"flips": "true"},
    "a calibration that is a number": {"calibration": 1.0},
}

FILES: dict[str, Callable[[bytes], bytes]] = {
    "a header of exabytes": lambda sound: b"\xff" * LENGTH_BYTES + sound[LENGTH_BYTES:],
    "a header longer than the file": lambda sound: len(sound).to_bytes(LENGTH_BYTES, "little") + sound[LENGTH_BYTES:],
    "a header of no bytes": lambda sound: bytes(LENGTH_BYTES) + sound[LENGTH_BYTES:],
    "a header of 8 megabytes": lambda sound: with_text(b"{" + b" " * 2**23 + b"}", sound),
    "a header that is no JSON": lambda sound: with_text(b"{pwned", sound),
    "a header of bytes that are no text": lambda sound: with_text(b'{"\xff\xfe": 1}', sound),
    "a header 100,000 deep": lambda sound: with_text(b'{"a":' * 10**5, sound),
    "only a header": lambda sound: sound[: LENGTH_BYTES + int.from_bytes(sound[:LENGTH_BYTES], "little")],
    "all but the last byte": lambda sound: sound[:-1],
    "a byte too many": lambda sound: sound + b"\0",
    "a number that is none": lambda sound: sound[:-108] + torch.full((54,), torch.nan).half().numpy().tobytes(),
}


def bad_safetensors(content: Callable[[], dict[str, Any]], parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Makers of bad files by name.

    Args:
        content: gives the parts of a sound checkpoint.
        parts: bad records by name, by the part that they stand for.
    """

    def sound(**changes: Any) -> bytes:
        return sound_file(content(), **changes)

    return {
        **{name: lambda change=change: with_header(change, sound()) for name, change in HEADERS.items()},
        **{name: lambda changes=changes: sound(**changes) for name, changes in RECORDS.items()},
        **{name: lambda change=change: change(sound()) for name, change in FILES.items()},
        **{
            f"{part}, {name}": lambda part=part, record=record: sound(**{part: record})
            for part, records in parts.items()
            for name, record in records.items()
        },
    }
