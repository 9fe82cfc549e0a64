"""From a DICOM file to a mammogram, a mask or a header; a child process does what a hostile file could turn against us.

What the child answers is checked like any input before it is used.
"""

import json
import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from mammoseg.dicom.attributes import VIEWS
from mammoseg.dicom.decode_pool import (
    as_plain_text,
    ask_decoder,
    make_no_sense_error,
    parse_array,
    parse_mask,
    parse_source_file,
    sensible,
)
from mammoseg.dicom.grey import find_padding, look_up
from mammoseg.mammogram import Mammogram

SPACING_SOURCES = (None, "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


def parse_mammogram(fields: Mapping[str, Any], payload: np.ndarray, path: Path) -> Mammogram:
    """The mammogram in an answer about a DICOM file: its grey table, its stored integers and its header.

    Args:
        payload: bytes of the three, uint8 ``(length,)``; see `mammoseg.data.decode_worker`.

    Raises:
        InputRefusedError: ``E_DECODER``, the answer is none that a child of ours gives.
    """
    with sensible():
        table_end, header_start = 4 * int(fields["table"]), len(payload) - int(fields["header"])
        table = payload[:table_end].view(np.float32)
        stored = _parse_pixels(fields, payload[table_end:header_start])
        header = payload[header_start:].tobytes() or None
        spacing, magnification = fields["pixel_spacing_mm"], fields["magnification"]
        if not np.isfinite(table).all():
            raise make_no_sense_error()
        return Mammogram(
            pixels=look_up(table, stored),
            laterality=_parse_one_of((None, "L", "R"), fields["laterality"]),
            view=_parse_one_of((None, *VIEWS.values()), fields["view"]),
            pixel_spacing_mm=None if spacing is None else _parse_positive(spacing, 2),
            pixel_spacing_source=_parse_one_of(SPACING_SOURCES, fields["pixel_spacing_source"]),
            magnification=None if magnification is None else _parse_positive([magnification], 1)[0],
            value_range=(float(table.min()), float(table.max())),
            path=path,
            padding=find_padding(stored, _parse_range(fields["padding"])),
            sop_instance_uid=_parse_uid(fields["sop_instance_uid"]),
            notes=tuple(map(as_plain_text, fields["notes"])),
            source=parse_source_file(fields, header=header),
        )


def read_stored(path: Path, *, modalities: Sequence[str] | None = None) -> np.ndarray:
    """Stored integers ``(rows, columns)`` of a grey image, unsigned.

    Args:
        path: a DICOM part 10 file.
        modalities: None for any grey image; else it must be a mammogram, and Modality one of these.

    Raises:
        InputRefusedError: the file cannot be used.
    """
    return _parse_pixels(*ask_decoder("stored", path, modalities=None if modalities is None else list(modalities)))


def read_dicom_mask(path: Path, *, segments: Sequence[int] | None = None) -> np.ndarray:
    """Mask uint8 0 / 1 ``(rows, columns)`` of a grey image or a SEG; see `mammoseg.dicom.mask`.

    Args:
        segments: numbers of the segments of a SEG that count; None for all of mass.

    Raises:
        InputRefusedError: the file cannot be used.
    """
    return load_dicom_mask(path, segments=segments)[0]


def load_dicom_mask(
    path: Path, *, segments: Sequence[int] | None = None, image_uid: str | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The mask of `read_dicom_mask`, uint8 0 / 1 ``(rows, columns)``, and remarks on how its values were read.

    Args:
        image_uid: SOP Instance UID of the image that a SEG must be about; None where it is not known.

    Raises:
        InputRefusedError: the file cannot be used.
    """
    return parse_mask(
        *ask_decoder("mask", path, segments=None if segments is None else list(segments), image_uid=image_uid)
    )


def read_segments(path: Path, numbers: Sequence[int], *, image_uid: str | None = None) -> list[np.ndarray]:
    """Mask uint8 0 / 1 ``(rows, columns)`` of each of these segments of a SEG, which is decoded once.

    Args:
        image_uid: SOP Instance UID of the image that a SEG must be about; None where it is not known.

    Raises:
        InputRefusedError: the file cannot be used.
    """
    if not numbers:
        return []
    fields, payload = ask_decoder("segments", path, segments=list(numbers), image_uid=image_uid)
    with sensible():
        rows, columns = (int(side) for side in fields["shape"])
        pixels = rows * columns
        bits = payload.reshape(len(numbers), -(-pixels // 8))
        return [np.unpackbits(one, count=pixels).reshape(rows, columns) for one in bits]


def read_header(path: Path) -> FileDataset:
    """The header of a DICOM file without its pixels, in the transfer syntax of the file.

    Raises:
        InputRefusedError: the file cannot be used.
    """
    return parse_header(ask_decoder("header", path)[1].tobytes())


def load_header(mammogram: Mammogram) -> FileDataset:
    """The header of the file that a mammogram was read from, as it stood then.

    Raises:
        InputRefusedError: the file cannot be used.
    """
    if mammogram.source is None or mammogram.source.header is None:
        return read_header(mammogram.path)
    return parse_header(mammogram.source.header)


def parse_header(content: bytes) -> FileDataset:
    """The header that a child has written.

    Raises:
        InputRefusedError: ``E_DECODER``, it is none that a child of ours writes.
    """
    with sensible():
        return pydicom.dcmread(BytesIO(content))


def read_texts(path: Path, keywords: Sequence[str]) -> dict[str, str]:
    """Texts and UIDs of a DICOM file by keyword, empty where it has none; only the first part of the file is read.

    Raises:
        InputRefusedError: ``E_NOT_DICOM``, or ``E_ATTRIBUTE`` for one that is no single text.
    """
    _, payload = ask_decoder("texts", path, keywords=list(keywords))
    with sensible():
        known = json.loads(payload.tobytes())
        return {keyword: _parse_text(known[keyword]) for keyword in keywords}


def _parse_pixels(fields: Mapping[str, Any], payload: np.ndarray) -> np.ndarray:
    return parse_array(fields, payload, ("uint8", "uint16"), axes=2)


def _parse_positive(values: Sequence[float], count: int) -> tuple[Any, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != count or not all(0 < number < math.inf for number in numbers):
        raise ValueError("no positive numbers")
    return numbers


def _parse_range(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    first, last = value
    return int(first), int(last)


def _parse_uid(value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and UID(value).is_valid):
        raise ValueError("no UID")
    return value


def _parse_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _parse_one_of(known: Sequence[Any], value: Any) -> Any:
    if value not in known:
        raise ValueError("not one of the values that exist")
    return value
