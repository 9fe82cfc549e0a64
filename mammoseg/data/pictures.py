"""Greyscale pictures without DICOM around them: PNG, TIFF, NIfTI."""

import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mammoseg.errors import InputRefusedError

LARGEST = {"u1": 255.0, "u2": 65535.0}
"""Largest value of the depths that pictures may have."""


def read_picture(path: Path) -> tuple[np.ndarray, tuple[float, float]]:
    """Read a PNG or TIFF of 8 or 16 bits: float32 ``(rows, columns)`` and the range of its integers.

    Three equal channels count as grey.

    Raises:
        InputRefusedError: damaged, of another depth, or in colour.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise InputRefusedError("E_TRUNCATED", "the picture cannot be decoded; copy it again from its source.")
    if pixels.dtype.str[1:] not in LARGEST:
        raise InputRefusedError("E_BITS", f"the picture holds {pixels.dtype}; save it with 8 or 16 bits a pixel.")
    if pixels.ndim == 3:
        if (pixels[..., :1] != pixels[..., :3]).any():
            raise InputRefusedError("E_COLOUR", "the picture is in colour; mammograms are grey.")
        pixels = pixels[..., 0]
    return pixels.astype(np.float32), (0.0, LARGEST[pixels.dtype.str[1:]])


def read_nifti(path: Path) -> tuple[np.ndarray, tuple[float, float], tuple[float, float] | None]:
    """Read a NIfTI image of one slice: float32 ``(rows, columns)``, its value range, its spacing in mm.

    NIfTI counts columns first, so the array of the file is ``(columns, rows)`` or ``(columns, rows, 1)``; it is
    transposed, never flipped. The spacing counts only where the header names millimetres as its unit.

    Raises:
        InputRefusedError: damaged, or not a single two-dimensional grey image.
    """
    import nibabel  # half a second, and only NIfTI needs it
    from nibabel.filebasedimages import ImageFileError

    try:
        image: Any = nibabel.load(path)
        stored = np.asanyarray(image.dataobj)
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise InputRefusedError("E_TRUNCATED", "the NIfTI file cannot be read; copy it again.") from error
    if stored.ndim < 2 or stored.shape[0] * stored.shape[1] != stored.size:
        raise InputRefusedError("E_MULTIFRAME", f"the NIfTI image is {stored.shape}, a mammogram has one slice.")
    if stored.size == 0:
        raise InputRefusedError("E_SIZE", "the NIfTI image has no pixels.")
    pixels = np.ascontiguousarray(stored.reshape(stored.shape[:2]).T, np.float32)
    if not np.isfinite(pixels).all():
        raise InputRefusedError("E_BITS", "the NIfTI image holds values that are not numbers.")
    if stored.dtype.str[1:] in LARGEST:
        value_range = (0.0, LARGEST[stored.dtype.str[1:]])
    else:
        value_range = (float(pixels.min()), float(pixels.max()))
    columns_mm, rows_mm = (float(size) for size in image.header.get_zooms()[:2])
    is_in_mm = image.header.get_xyzt_units()[0] == "mm" and rows_mm > 0 and columns_mm > 0
    return pixels, value_range, (rows_mm, columns_mm) if is_in_mm else None
