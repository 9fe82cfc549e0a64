"""What a hostile case is, and the good mammogram that most cases are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from mammoseg.data.phantom_dicom import write_mammogram

ACCEPTED = "accepted"
"""Instead of a code: the file gives a result."""

CANARY = "CANARY"
"""Stands in the name and the identifier of every patient here; it must come out nowhere."""

ROWS, COLUMNS = 96, 64


@dataclass(frozen=True)
class HostileCase:
    """One bad or odd input and what has to become of it.

    Attributes:
        row: of section (b) of the reference on hostile inputs, 1 to 66; a row may have several cases.
        name: unique; names the folder of the case too, so letters, digits and ``-`` only.
        what: the input in words, for the table.
        make: writes the input into the given empty folder, whose name is `name`, and returns what a person would name
            on the command line: a file, or the folder where several files belong together.
        expected: ``ACCEPTED``, or the code of the refusal. Where `make` returns a folder, one file in it must be
            refused so and all others must give a result.
        policy: a sentence: what was chosen where the reference offers two outcomes, or what the warning says.
        expected_of_ingest: where it differs, since `ingest` writes no DICOM and follows names of files.
        twin: writes the harmless file whose grey values the accepted one must have; row 37 within one level.
    """

    row: int
    name: str
    what: str
    make: Callable[[Path], Path]
    expected: str
    policy: str = ""
    expected_of_ingest: str | None = None
    twin: Callable[[Path], Path] | None = None


def bright_disc() -> np.ndarray:
    """A grey wedge with a bright disc of radius 10, 12 bits ``(96, 64)``: one lesion for the predictor of the tests."""
    y, x = np.ogrid[:ROWS, :COLUMNS]
    wedge = 200 + 10 * y + 5 * x
    return np.where((y - 40) ** 2 + (x - 30) ** 2 <= 100, 4000, wedge)


def write_good(folder: Path, pixels: np.ndarray | None = None, *, name: str = "a.dcm", **options: Any) -> Path:
    """Write a valid mammogram of the patient `CANARY`; `options` are those of `phantom_dicom.write_mammogram`."""
    path = folder / name
    options = {"patient_id": CANARY, "study": folder.name} | options
    write_mammogram(path, bright_disc() if pixels is None else pixels, **options)
    return path


def with_attributes(**attributes: Any) -> Callable[[Path], Path]:
    """A `make` whose file is good but for these attributes; None takes one out, and no value is checked."""

    def make(folder: Path) -> Path:
        with pydicom.config.disable_value_validation():
            return write_good(folder, attributes=attributes)

    return make


def with_bytes(change: Callable[[bytes], bytes], **options: Any) -> Callable[[Path], Path]:
    """A `make` whose file is good until `change` is done to its bytes."""

    def make(folder: Path) -> Path:
        path = write_good(folder, **options)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def find_element(content: bytes, tag: int, vr: bytes) -> int:
    """Offset of the element in an Explicit VR Little Endian file, where it must stand once."""
    key = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr
    assert content.count(key) == 1, f"{tag:08x} stands {content.count(key)} times"
    return content.index(key)
