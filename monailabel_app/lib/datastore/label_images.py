"""The label file of any client, and the mask of one mammogram on its stored pixel grid: one from the other.

3D Slicer sends NIfTI or NRRD of (columns, rows, 1) with the geometry that ITK gives the image, OHIF's plugin the bare
bytes row by row, others PNG or DICOM SEG. A label whose axes run another way over the same place is turned back; one
that says nothing of the place, or says a place beside the image, is taken pixel by pixel as it lies in the file.
"""

import gzip
import re
import zlib
from collections.abc import Collection
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np

from mammoseg.data.grid import TO_RAS, Grid, turn_to_grid
from mammoseg.data.mammogram import file_format
from mammoseg.data.masks import load_mask
from mammoseg.data.pictures import load_nifti, read_picture
from mammoseg.dicom.mask import referenced_instances
from mammoseg.dicom.read import read_dicom_mask, read_header
from mammoseg.errors import InputRefusedError
from mammoseg.files import atomic_path

NRRD_TYPES = (
    {"uchar": "u1", "unsigned char": "u1", "uint8": "u1", "uint8_t": "u1"}
    | {
        f"{sign}{name}": f"{kind}{size}"
        for sign, kind in (("", "i"), ("unsigned ", "u"), ("u", "u"))
        for name, size in (("short", 2), ("int", 4), ("int8", 1), ("int16", 2), ("int32", 4), ("int64", 8))
    }
    | {"float": "f4", "double": "f8", "signed char": "i1"}
)
"""Types of NRRD to those of numpy."""

SPACES = {"left-posterior-superior": np.eye(4), "LPS": np.eye(4), "right-anterior-superior": TO_RAS, "RAS": TO_RAS}
"""Spaces of NRRD, as the way from them to LPS."""

MOST_HEADER_BYTES = 2**20


def read_label(
    path: Path, grid: Grid, *, image_id: str, masses: Collection[int] = (), others: Collection[int] = ()
) -> np.ndarray:
    """Read a label that is about the image of `grid`: bool ``(rows, columns)``, True in a mass.

    Args:
        image_id: what a DICOM SEG must refer to.
        masses: values that are mass; every value but zero where there is none.
        others: values that may occur besides.

    Raises:
        InputRefusedError: ``E_LABEL``: no label file, of another size, of another image, or with values that are none;
            or the file cannot be read.
    """
    array, affine = _read(path, grid, image_id, is_label_map=bool(masses))
    if affine is not None:
        turned = turn_to_grid(array, affine, grid)
        array = array if turned is None else turned
    if array.size != np.prod(grid.shape) or array.shape[:2] != grid.shape[::-1]:
        sides = " x ".join(str(side) for side in array.shape)
        raise _refused(f"the label has {sides} pixels (columns first), its image {grid.shape[1]} x {grid.shape[0]}.")
    _check_values(array, {*masses, *others})
    values = array.reshape(grid.shape[::-1]).T
    return np.ascontiguousarray(np.isin(values, list(masses)) if masses else values != 0)


def write_label(path: Path, mask: np.ndarray, grid: Grid) -> Path:
    """Write a mask ``(rows, columns)`` as NIfTI (``.nii.gz``), uint8 (columns, rows, 1) in the place of its image."""
    image = nibabel.Nifti1Image(mask.T[..., np.newaxis].astype(np.uint8), TO_RAS @ grid.affine)
    image.header.set_xyzt_units("mm")
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(image.to_bytes(), compresslevel=1, mtime=0))
    return path


def _read(path: Path, grid: Grid, image_id: str, *, is_label_map: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Array, columns first, and its affine in LPS where it has one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) == b"NRRD":
            return _read_nrrd(path, grid)
    try:
        kind = file_format(path)
    except InputRefusedError:
        kind = "bytes"
    if size == grid.shape[0] * grid.shape[1] and kind != "DICOM":
        kind = "bytes"
    match kind:
        case "bytes":
            if size != grid.shape[0] * grid.shape[1]:
                raise _refused("the label is no NIfTI, NRRD, PNG or DICOM SEG; export it as one of these.")
            return np.fromfile(path, np.uint8).reshape(grid.shape).T, None
        case "DICOM":
            if referenced_instances(read_header(path)) != {image_id}:
                raise _refused("the segmentation does not refer to this image, or not to it alone.")
            return read_dicom_mask(path).T, None
        case "NIfTI":
            image = load_nifti(path)
            _check_sides(image.array.shape, grid)
            return image.array, None if image.affine is None else TO_RAS @ image.affine
        case _:
            return (read_picture(path)[0] if is_label_map else load_mask(path).pixels).T, None


def _read_nrrd(path: Path, grid: Grid) -> tuple[np.ndarray, np.ndarray | None]:
    """Raw or gzipped data in the same file; another file that the header names is never opened."""
    content = path.read_bytes()
    head, gap, data = content.partition(b"\n\n")
    if len(head) > MOST_HEADER_BYTES or not gap:
        raise _refused("the NRRD file has no header that can be read; export it again.")
    try:
        header = nrrd.read_header(BytesIO(head + gap))
        sides = tuple(int(side) for side in header["sizes"])
        _check_sides(sides, grid)
        order = ">" if header.get("endian") == "big" else "<"
        kind = np.dtype(order + NRRD_TYPES[re.sub("_t$", "", header["type"])])
        needed = int(np.prod(sides)) * kind.itemsize
        if header["encoding"] in ("gzip", "gz"):
            data = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, needed + 1)
        elif header["encoding"] != "raw":
            raise KeyError("encoding")
        if {"data file", "datafile", "line skip", "byte skip"} & header.keys() or len(data) != needed:
            raise KeyError("data")
        return np.frombuffer(data, kind).reshape(sides, order="F"), _nrrd_affine(header)
    except InputRefusedError:
        raise
    except (nrrd.NRRDError, LookupError, TypeError, ValueError, zlib.error) as error:
        raise _refused("the NRRD file holds no raw or gzipped image in itself; export it again.") from error


def _nrrd_affine(header: Any) -> np.ndarray | None:
    """Affine in LPS of an image of three axes, None where the header does not place it."""
    directions, to_lps = header.get("space directions"), SPACES.get(header.get("space", ""))
    if directions is None or to_lps is None or np.shape(directions) != (3, 3) or not np.isfinite(directions).all():
        return None
    affine = np.eye(4)
    affine[:3, :3] = np.transpose(directions)
    affine[:3, 3] = header.get("space origin", (0, 0, 0))
    return to_lps @ affine


def _check_sides(sides: tuple[int, ...], grid: Grid) -> None:
    """Refuse a label of another number of pixels before memory is given to it."""
    if len(sides) not in (2, 3, 4) or np.prod(sides, dtype=float) != np.prod(grid.shape, dtype=float):
        found = " x ".join(str(side) for side in sides[:4])
        raise _refused(f"the label has {found} pixels (columns first), its image {grid.shape[1]} x {grid.shape[0]}.")


def _check_values(array: np.ndarray, values: Collection[int]) -> None:
    found = np.unique(array[array != 0])
    if not np.isfinite(found).all() or (found < 0).any() or (found != np.round(found)).any():
        raise _refused("the label holds values that are no whole numbers from 0; export it as a label map.")
    if values and not set(found.tolist()) <= set(values):
        raise _refused("the label holds values that its label_info does not name.")


def _refused(reason: str) -> InputRefusedError:
    return InputRefusedError("E_LABEL", reason)
