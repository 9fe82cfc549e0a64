"""The result of one mammogram as a file that belongs to its source."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom

from mammoseg.data.mammogram import file_format
from mammoseg.dicom.derived import Algorithm, Analysis
from mammoseg.dicom.seg import SegKind, build_segmentation
from mammoseg.dicom.write import write_object
from mammoseg.errors import InputRefusedError
from mammoseg.report.overlay import write_picture


def write_result(
    source: Path,
    name: str,
    probability: np.ndarray,
    lesions: Sequence[np.ndarray],
    *,
    output: Path,
    algorithm: Algorithm,
    when: datetime,
    as_probability: bool = False,
) -> str:
    """Write a SEG for a DICOM source, a PNG otherwise, since a SEG must refer to a DICOM instance.

    Args:
        source: the mammogram.
        name: stem of the file to write in `output`.
        probability: mass probability ``(rows, columns)`` on the grid of the source, 0 to 1.
        lesions: bool masks of the same shape, one a lesion; may be empty.
        as_probability: write the probability (SEG of type FRACTIONAL, 16-bit PNG) instead of the lesions.
    Returns:
        Name of the file.
    Raises:
        InputRefusedError: the header of the source breaks rules that a SEG must keep.
        OSError: the file cannot be written.
    """
    if file_format(source) != "DICOM":
        return _write_mask_picture(output, name, probability, None if as_probability else lesions)
    try:
        header = pydicom.dcmread(source, stop_before_pixels=True)
        analysis = Analysis(header, lesions, algorithm, when, probability)
        kind = SegKind.FRACTIONAL if as_probability else SegKind.BINARY
        segmentation = build_segmentation(analysis, kind=kind)
        write_object(segmentation, output / f"{name}.seg.dcm")
    except InputRefusedError:
        raise
    except ValueError as error:  # its text may quote a header value
        raise InputRefusedError("E_SEG", "the header breaks rules of DICOM that a SEG must keep.") from error
    return f"{name}.seg.dcm"


def _write_mask_picture(output: Path, name: str, probability: np.ndarray, lesions: Sequence[np.ndarray] | None) -> str:
    if lesions is None:
        file, picture = f"{name}.probability.png", np.round(probability * 65535).astype(np.uint16)
    else:
        mask = np.logical_or.reduce(lesions) if lesions else np.zeros(probability.shape, bool)
        file, picture = f"{name}.mask.png", mask.astype(np.uint8) * 255
    write_picture(picture, output / file)
    return file
