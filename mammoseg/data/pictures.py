"""Greyscale pictures without DICOM around them: PNG, TIFF, JPEG, PGM, NIfTI.

They are decoded in a child process (`mammoseg.dicom.decode_pool`), whose answer is checked like any input.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.dicom.decode_pool import (
    as_plain_text,
    ask_decoder,
    make_no_sense_error,
    parse_array,
    parse_mask,
    sensible,
)
from mammoseg.errors import InputRefusedError

LARGEST = {"uint8": 255.0, "uint16": 65535.0}
"""Largest value of the integers that pictures may have."""


@dataclass(frozen=True)
class Picture:
    """A grey picture as viewers show it.

    Attributes:
        pixels: float32 ``(rows, columns)``, 0 is black.
        value_range: lowest and highest value that `pixels` can take.
        notes: what its user should know of the file.
    """

    pixels: np.ndarray
    value_range: tuple[float, float]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NiftiImage:
    """One slice of a NIfTI file.

    Attributes:
        array: values with the axes of the file, columns first; at most two of its sides are above 1.
        affine: ``(4, 4)``, from indices to mm in RAS; None where the file places the image nowhere.
        spacing_mm: ``(row, column)``; None where the header does not name millimetres.
        contradicts_itself: whether the header gives two places, in which an axis runs two ways.
    """

    array: np.ndarray
    affine: np.ndarray | None
    spacing_mm: tuple[float, float] | None
    contradicts_itself: bool = False

    def check_place(self) -> None:
        """Refuse a slice that is to be laid upon an image, and says in two ways how it lies.

        nibabel believes the sform, ITK mostly the qform, so that two programs would turn it differently.

        Raises:
            InputRefusedError: ``E_MASK_PLACE``.
        """
        if self.contradicts_itself:
            raise InputRefusedError(
                "E_MASK_PLACE",
                "sform and qform of the NIfTI file contradict each other in the way of an axis; save it anew.",
            )


def read_picture(path: Path) -> tuple[np.ndarray, tuple[float, float]]:
    """Pixels and value range of `load_picture`.

    Returns:
        grey ``(rows, columns)``, and black and white in the same unit.

    Raises:
        InputRefusedError: the file cannot be used.
    """
    picture = load_picture(path)
    return picture.pixels, picture.value_range


def load_picture(path: Path) -> Picture:
    """Read a PNG, TIFF, JPEG or PGM of 8 or 16 bits, shown as its polarity and its orientation tag say.

    Three equal channels count as grey.

    Raises:
        InputRefusedError: damaged, of another depth, in colour, transparent, of several pages, or too large.
    """
    return parse_picture(*ask_decoder("picture", path))


def parse_picture(fields: Mapping[str, Any], payload: np.ndarray) -> Picture:
    """The picture in an answer.

    Args:
        payload: its bytes, uint8 ``(length,)``.

    Raises:
        InputRefusedError: ``E_DECODER``, the answer is none that a child of ours gives.
    """
    stored, white = parse_array(fields, payload, LARGEST, axes=2), fields.get("white")
    if not isinstance(white, int) or not 0 < white <= LARGEST[stored.dtype.name]:
        raise make_no_sense_error()
    return Picture(stored.astype(np.float32), (0.0, float(white)), tuple(map(as_plain_text, fields["notes"])))


def load_picture_mask(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """The mask uint8 0 / 1 ``(rows, columns)`` in a PNG, TIFF, JPEG or PGM, and remarks on how it was read.

    Raises:
        InputRefusedError: as `load_picture`, but for pages, palettes and alpha channels that make one mask.
    """
    return parse_mask(*ask_decoder("picture_mask", path))


def flatten_nifti(image: NiftiImage) -> tuple[np.ndarray, tuple[float, float], tuple[float, float] | None]:
    """A NIfTI image of one slice: float32 ``(rows, columns)``, its value range, its spacing in mm.

    NIfTI counts columns first, so the array of the file is ``(columns, rows)`` or ``(columns, rows, 1)``; it is
    transposed, never flipped. The spacing counts only where the header names millimetres as its unit.

    Raises:
        InputRefusedError: ``E_MULTIFRAME``, the slice is not that of the first two axes.
    """
    stored = image.array
    if stored.shape[0] * stored.shape[1] != stored.size:
        raise InputRefusedError("E_MULTIFRAME", f"the NIfTI image is {stored.shape}, a mammogram has one slice.")
    pixels = np.ascontiguousarray(stored.reshape(stored.shape[:2]).T, np.float32)
    if stored.dtype.name in LARGEST:
        value_range = (0.0, LARGEST[stored.dtype.name])
    else:
        value_range = (float(pixels.min()), float(pixels.max()))
    return pixels, value_range, image.spacing_mm


def load_nifti(path: Path, *, max_pixels: int | None = None) -> NiftiImage:
    """Read a NIfTI file of one slice along any axis.

    Args:
        max_pixels: most pixels that it may have where that is known; else as many as any mammogram.

    Raises:
        InputRefusedError: damaged, too large, or not a single two-dimensional grey image.
    """
    return _load_slice("nifti", path, max_pixels)


def load_nrrd(path: Path, *, max_pixels: int | None = None) -> NiftiImage:
    """Read a NRRD file likewise; its data must lie in itself, raw or gzipped. It needs pynrrd (extra ``label``).

    Raises:
        InputRefusedError: as `load_nifti`.
    """
    return _load_slice("nrrd", path, max_pixels)


def _load_slice(kind: str, path: Path, max_pixels: int | None) -> NiftiImage:
    return parse_slice(*ask_decoder(kind, path, **({} if max_pixels is None else {"max_pixels": max_pixels})))


def parse_slice(fields: Mapping[str, Any], payload: np.ndarray) -> NiftiImage:
    """The slice of a NIfTI or NRRD file in an answer.

    Args:
        payload: its bytes, uint8 ``(length,)``.

    Raises:
        InputRefusedError: ``E_DECODER``, the answer is none that a child of ours gives.
    """
    array = parse_array(fields, payload, (*LARGEST, "float32"))
    if array.ndim < 2 or not np.isfinite(array).all():
        raise make_no_sense_error()
    return NiftiImage(array, _parse_affine(fields), _parse_spacing(fields), fields.get("contradicts_itself") is True)


def _parse_affine(fields: Mapping[str, Any]) -> np.ndarray | None:
    if fields.get("affine") is None:
        return None
    with sensible():
        affine = np.array(fields["affine"], float)
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise make_no_sense_error()
    return affine


def _parse_spacing(fields: Mapping[str, Any]) -> tuple[float, float] | None:
    if fields.get("spacing_mm") is None:
        return None
    with sensible():
        columns_mm, rows_mm = (float(size) for size in fields["spacing_mm"])
    if not (0 < columns_mm < math.inf and 0 < rows_mm < math.inf):
        raise make_no_sense_error()
    return rows_mm, columns_mm
