"""A mask of masses, whatever file it came from."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.data.grid import TO_RAS, find_axes_in_grid, read_grid, turn_to_grid
from mammoseg.data.mammogram import detect_file_format
from mammoseg.data.pictures import load_nifti, load_picture_mask
from mammoseg.dicom.read import load_dicom_mask
from mammoseg.errors import InputRefusedError
from mammoseg.mammogram import Mammogram
from mammoseg.mask_values import find_mass

TURNED = "masks turned to the axes of their image"
PLACE_IGNORED = "masks whose NIfTI header names another place, taken as they lie"


@dataclass(frozen=True)
class Mask:
    """The mask of one image.

    Attributes:
        pixels: uint8 0 / 1 ``(rows, columns)``.
        remarks: what was done to get it from its file, each as a reason to be counted.
    """

    pixels: np.ndarray
    remarks: tuple[str, ...] = ()


def read_mask(path: Path | str, *, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a mask: uint8 0 / 1 ``(rows, columns)``, the pixels of `load_mask` without its remarks.

    Args:
        path: the file; its content decides the format.
        shape: rows and columns that the mask must have.

    Raises:
        InputRefusedError: the file cannot be read, or ``E_SHAPE``.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from mammoseg.data.mask_files import write_mask
        >>> from mammoseg.data.masks import read_mask
        >>> drawn = np.zeros((40, 30), np.uint8)
        >>> drawn[10:15, 5:9] = 1
        >>> path = write_mask(Path("mask.png"), drawn)
        >>> mask = read_mask(path, shape=(40, 30))
        >>> mask.dtype.name, int(mask.sum())
        ('uint8', 20)
    """
    mask = load_mask(Path(path)).pixels
    if shape is not None and mask.shape != tuple(shape):
        raise InputRefusedError(
            "E_SHAPE", f"the mask is {mask.shape[0]} x {mask.shape[1]}, its image {shape[0]} x {shape[1]}."
        )
    return mask


def read_instances(record: Mapping[Any, Any], *, shape: tuple[int, int]) -> Iterator[np.ndarray] | None:
    """The masks of the masses of one image one after the other, each as `read_mask` gives it.

    Args:
        record: record of `mammoseg.data.datalist.load_section`, whose ``instances`` are paths in one JSON text.
        shape: rows and columns that each mask must have.

    Returns:
        None where the datalist has no mask of each mass.

    Raises:
        InputRefusedError: a file cannot be read, or ``E_SHAPE``.
    """
    if not (text := record.get("instances")):
        return None
    return (read_mask(path, shape=shape) for path in json.loads(text))


def load_mask(path: Path, *, image: Mammogram | None = None) -> Mask:
    """Read a mask from a picture, NIfTI (stored as columns, rows), a DICOM image, or a DICOM SEG of masses.

    Every value but zero is mass, except in grey masks; see `mammoseg.mask_values`.

    Args:
        image: image that the mask is about: a SEG must refer to it, and a NIfTI mask is turned to its axes.

    Raises:
        InputRefusedError: the file cannot be read, or says that it is about something else.
    """
    match detect_file_format(path):
        case "DICOM":
            return Mask(*load_dicom_mask(path, image_uid=image.sop_instance_uid if image else None))
        case "NIfTI":
            return _load_nifti_mask(path, image)
        case _:
            return Mask(*load_picture_mask(path))


def _load_nifti_mask(path: Path, image: Mammogram | None) -> Mask:
    nifti = load_nifti(path)
    array = nifti.array
    remarks: list[str] = []
    if image is not None and nifti.affine is not None:
        nifti.check_place()
        array, remarks = _turn(array, nifti.affine, image)
    if array.shape[0] * array.shape[1] != array.size:
        raise InputRefusedError("E_MULTIFRAME", f"the NIfTI mask is {array.shape}, a mammogram has one slice.")
    mask, more = find_mass(np.ascontiguousarray(array.reshape(array.shape[:2]).T))
    return Mask(mask, (*remarks, *more))


def _turn(array: np.ndarray, affine: np.ndarray, image: Mammogram) -> tuple[np.ndarray, list[str]]:
    """The array with its axes as those of the image, and remarks.

    Args:
        affine: ``(4, 4)``, from the indices of `array` to mm in RAS.

    Raises:
        InputRefusedError: ``E_MASK_PLACE``, the axes run another way over another place.
    """
    grid = read_grid(image.path)
    axes = find_axes_in_grid(TO_RAS @ affine, grid)
    if axes is not None and (axes == np.eye(3)).all():
        return array, []
    turned = turn_to_grid(array, TO_RAS @ affine, grid)
    if turned is not None:
        return turned, [TURNED]
    if np.array_equal(affine, np.diag(np.abs(np.diag(affine)))):  # what programs write that know of no place
        return array, [PLACE_IGNORED]
    raise InputRefusedError(
        "E_MASK_PLACE", "the axes of the NIfTI mask run another way, over another place than its image; save it anew."
    )
