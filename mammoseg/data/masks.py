"""A mask of masses, whatever file it came from."""

from pathlib import Path

import numpy as np

from mammoseg.data.mammogram import file_format
from mammoseg.data.pictures import read_nifti, read_picture
from mammoseg.dicom.read import read_dicom_mask
from mammoseg.errors import InputRefusedError


def read_mask(path: Path | str, *, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a mask: uint8 0 / 1 ``(rows, columns)``; every value but zero is mass.

    PNG, TIFF, NIfTI (stored as columns, rows), a DICOM image, or a DICOM SEG, whose segments are fused into one mask.

    Args:
        path: the file; its content decides the format.
        shape: rows and columns that the mask must have.

    Raises:
        InputRefusedError: the file cannot be read, or ``E_SHAPE``.
    """
    path = Path(path)
    match file_format(path):
        case "DICOM":
            mask = read_dicom_mask(path)
        case "NIfTI":
            mask = read_nifti(path)[0] != 0
        case _:
            mask = read_picture(path)[0] != 0
    if shape is not None and mask.shape != tuple(shape):
        raise InputRefusedError(
            "E_SHAPE", f"the mask is {mask.shape[0]} x {mask.shape[1]}, its image {shape[0]} x {shape[1]}."
        )
    return mask.astype(np.uint8)
