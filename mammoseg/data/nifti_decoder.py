"""What a stranger's NIfTI holds; runs in the child process of `mammoseg.data.decode_worker`.

nibabel decodes; whatever it raises is the fault of the file.
"""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from mammoseg.border import passed_over, refused_as
from mammoseg.errors import InputRefusedError

UNSIGNED = ("uint8", "uint16")
"""Types that are kept; all others become float32."""

MOST_TRAILING_BYTES = 2**20
"""What may follow the image; it is read, since a gzipped file has its checksum behind the last byte."""


@dataclass(frozen=True)
class Nifti:
    """One slice.

    Attributes:
        array: uint8, uint16 or float32 with the axes of the file, columns first; at most two sides are above 1.
        affine: ``(4, 4)``, from indices to mm in RAS; None where the header places the image nowhere.
        spacing_mm: distances of columns and rows; None where the header names no millimetres.
        contradicts_itself: whether its axes run another way by the one description of its place than by the other.
    """

    array: np.ndarray
    affine: np.ndarray | None
    spacing_mm: tuple[float, float] | None
    contradicts_itself: bool = False


def decode_nifti(content: bytes, *, path: Path, max_pixels: int) -> Nifti:
    """Decode a NIfTI file of one grey slice, gzipped or not.

    Args:
        path: name of the file, beside which the pixels lie where it is the first of two.

    Raises:
        InputRefusedError: ``E_MULTIFRAME``, ``E_SIZE``, ``E_COLOUR``, ``E_BITS``, or ``E_TRUNCATED`` whatever nibabel
            could not do.
    """
    with refused_as("E_TRUNCATED", "the NIfTI file cannot be read; copy it again."):
        with _opened(content, path) as (image, stream):
            check_description(tuple(int(side) for side in image.shape), image.get_data_dtype(), max_pixels)
            stored = np.asanyarray(image.dataobj)
            if stream is not None and len(stream.read(MOST_TRAILING_BYTES + 1)) > MOST_TRAILING_BYTES:
                raise InputRefusedError("E_SIZE", "the NIfTI file goes on after its image; save it anew.")
            return Nifti(
                as_plain(stored), _read_affine(image), _read_spacing(image.header), _contradicts_itself(image.header)
            )


@contextmanager
def _opened(content: bytes, path: Path) -> Iterator[tuple[Any, Any]]:
    """The image, whatever its file is called, and the stream that ends behind it; None for one in two files."""
    if content[344:348] == b"ni1\0":
        yield nibabel.Nifti1Pair.from_filename(path), None
        return
    with BytesIO(content) as file, gzip.open(file) if content.startswith(b"\x1f\x8b") else file as stream:
        is_second = nibabel.Nifti2Header.may_contain_header(stream.read(nibabel.Nifti2Header.sizeof_hdr))
        stream.seek(0)
        yield (nibabel.Nifti2Image if is_second else nibabel.Nifti1Image).from_stream(stream), stream


def check_description(shape: tuple[int, ...], dtype: np.dtype, max_pixels: int) -> None:
    """Refuse what is no slice of grey, before memory is given to it.

    Raises:
        InputRefusedError: ``E_MULTIFRAME``, ``E_SIZE``, ``E_COLOUR``, ``E_BITS``.
    """
    if len(shape) < 2 or sum(side > 1 for side in shape) > 2:
        raise InputRefusedError("E_MULTIFRAME", f"the image is {shape}, a mammogram has one slice.")
    if any(side < 1 for side in shape):
        raise InputRefusedError("E_SIZE", "the image has no pixels.")
    if float(np.prod(shape, dtype=float)) > max_pixels:
        raise InputRefusedError("E_SIZE", f"the image is {shape}; 1 to {max_pixels} pixels are read.")
    if dtype.names:
        raise InputRefusedError("E_COLOUR", "the image is in colour; mammograms are grey.")
    if dtype.kind not in "iuf":
        raise InputRefusedError("E_BITS", f"the image holds {dtype}; save it as integers.")


def as_plain(stored: np.ndarray) -> np.ndarray:
    """The values, of any shape, as one of few types: uint8 and uint16 as they are, all else float32.

    Raises:
        InputRefusedError: ``E_BITS``, not all are numbers.
    """
    kept = stored.dtype.name if stored.dtype.name in UNSIGNED else "float32"
    with np.errstate(over="ignore"):
        values = stored.astype(kept)
    if not np.isfinite(values).all():
        raise InputRefusedError("E_BITS", "the image holds values that are not numbers.")
    return values


def _read_affine(image: Any) -> np.ndarray | None:
    has_place = image.header["sform_code"] > 0 or image.header["qform_code"] > 0
    affine = np.asarray(image.affine, float)
    return affine if has_place and np.isfinite(affine).all() else None


def _contradicts_itself(header: Any) -> bool:
    """Whether sform and qform are both given, and differ in the way of an axis; what readers believe then differs."""
    if not (header["sform_code"] > 0 and header["qform_code"] > 0):
        return False
    with passed_over():  # a qform that is none says nothing
        return bool(nibabel.aff2axcodes(header.get_sform()) != nibabel.aff2axcodes(header.get_qform()))
    return False


def _read_spacing(header: Any) -> tuple[float, float] | None:
    columns_mm, rows_mm = (float(size) for size in header.get_zooms()[:2])
    is_in_mm = header.get_xyzt_units()[0] == "mm" and 0 < rows_mm < np.inf and 0 < columns_mm < np.inf
    return (columns_mm, rows_mm) if is_in_mm else None
