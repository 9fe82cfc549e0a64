"""The label file of any client, and the mask of one mammogram on its stored pixel grid: one from the other.

3D Slicer sends NIfTI or NRRD of (columns, rows, 1) with the geometry that ITK gives the image, OHIF's plugin the bare
bytes row by row, others PNG or DICOM SEG. A label whose axes run another way over the same place is turned back; one
that says nothing of the place, or says a place beside the image, is taken pixel by pixel as it lies in the file.
"""

import gzip
from collections.abc import Collection, Sequence
from pathlib import Path

import nibabel
import numpy as np

from mammoseg.data.grid import TO_RAS, Grid, turn_to_grid
from mammoseg.data.mammogram import detect_file_format
from mammoseg.data.masks import load_mask
from mammoseg.data.pictures import NiftiImage, load_nifti, load_nrrd, read_picture
from mammoseg.dicom.mask import check_about
from mammoseg.dicom.read import read_dicom_mask, read_header
from mammoseg.errors import InputRefusedError
from mammoseg.files import atomic_path
from monailabel_app.lib.datastore.masses import DrawnMass, separate_masses
from monailabel_app.lib.datastore.segmentation import read_drawn


def read_label(
    path: Path, grid: Grid, *, image_id: str, masses: Collection[int] = (), others: Collection[int] = ()
) -> np.ndarray:
    """Read a label that is about the image of `grid`: bool ``(rows, columns)``, True in a mass.

    Args, Raises: as `read_label_map`.
    """
    return read_label_map(path, grid, image_id=image_id, masses=masses, others=others) != 0


def read_label_map(
    path: Path, grid: Grid, *, image_id: str, masses: Collection[int] = (), others: Collection[int] = ()
) -> np.ndarray:
    """Read a label that is about the image of `grid`: ``(rows, columns)``, 0 where there is no mass.

    Args:
        image_id: what a DICOM SEG must refer to.
        masses: values that are mass, which stay apart; every value but zero where there is none, all as 1.
        others: values that may occur besides.

    Raises:
        InputRefusedError: ``E_LABEL``: no label file, of another size, of another image, or with values that are none;
            or the file cannot be read.
    """
    values = read_values(path, grid, image_id=image_id, known={*masses, *others}, is_label_map=bool(masses))
    return np.where(np.isin(values, list(masses)), values, 0) if masses else (values != 0).astype(np.uint8)


def read_masses(
    path: Path,
    grid: Grid,
    *,
    image_id: str,
    masses: Collection[int] = (),
    others: Collection[int] = (),
    assessments: Sequence[str] | None = None,
) -> list[DrawnMass]:
    """The masses of a label that is about the image of `grid`, each by itself.

    Of a SEG with several segments of mass each is one, in however many pieces and whatever it touches: it says itself
    what they are, and `assessments`, `masses` and `others` do not count. Of other labels see `separate_masses`.

    Args, Raises: as `read_label_map` and `separate_masses`; also where a SEG has more segments of mass than
        `MOST_MASSES`.
    """
    labels = read_label_map(path, grid, image_id=image_id, masses=masses, others=others)
    apart = read_drawn(path) if _detect_kind(path, grid) == "DICOM" else []
    return apart if len(apart) > 1 else separate_masses(labels, assessments)


def read_values(
    path: Path, grid: Grid, *, image_id: str, known: Collection[int], is_label_map: bool = True
) -> np.ndarray:
    """The values of a label map that is about the image of `grid`, ``(rows, columns)``.

    Args:
        image_id: what a DICOM SEG must refer to.
        known: values that may occur besides 0; all where there is none.
        is_label_map: whether the values of a picture are those of a label map; else it is one mask.

    Raises:
        InputRefusedError: as `read_label`.
    """
    array, affine = _read(path, grid, image_id, is_label_map=is_label_map)
    if affine is not None:
        turned = turn_to_grid(array, affine, grid)
        array = array if turned is None else turned
    if array.size != np.prod(grid.shape) or array.shape[:2] != grid.shape[::-1]:
        sides = " x ".join(str(side) for side in array.shape)
        raise _make_label_error(
            f"the label has {sides} pixels (columns first), its image {grid.shape[1]} x {grid.shape[0]}."
        )
    _check_values(array, known)
    return np.ascontiguousarray(array.reshape(grid.shape[::-1]).T)


def write_label(path: Path, mask: np.ndarray, grid: Grid) -> Path:
    """Write a mask ``(rows, columns)`` as NIfTI (``.nii.gz``), whole or not at all; see `encode_label`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(encode_label(mask, grid))
    return path


def encode_label(mask: np.ndarray, grid: Grid) -> bytes:
    """A mask ``(rows, columns)`` as packed NIfTI, uint8 (columns, rows, 1) in the place of its image."""
    image = nibabel.Nifti1Image(mask.T[..., np.newaxis].astype(np.uint8), TO_RAS @ grid.affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)


def _read(path: Path, grid: Grid, image_id: str, *, is_label_map: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Array, columns first, and its affine in LPS where it has one."""
    match _detect_kind(path, grid):
        case "bytes":
            return np.fromfile(path, np.uint8).reshape(grid.shape).T, None
        case "DICOM":
            check_about(read_header(path), image_id)
            return read_dicom_mask(path).T, None
        case "NIfTI" | "NRRD" as kind:
            image = _load(path, kind, grid)
            image.check_place()
            return image.array, None if image.affine is None else TO_RAS @ image.affine
        case _:
            return (read_picture(path)[0] if is_label_map else load_mask(path).pixels).T, None


def _load(path: Path, kind: str, grid: Grid) -> NiftiImage:
    """Read a slice; no memory is given to one that has more pixels than the image."""
    try:
        return (load_nifti if kind == "NIfTI" else load_nrrd)(path, max_pixels=int(np.prod(grid.shape)))
    except InputRefusedError as error:
        if error.code != "E_SIZE":
            raise
        raise _make_label_error(
            f"the label has not {grid.shape[1]} x {grid.shape[0]} pixels, as its image has."
        ) from error


def _detect_kind(path: Path, grid: Grid) -> str:
    """The format; what has as many bytes as the image has pixels, and is neither DICOM nor NRRD, is bare ``bytes``."""
    try:
        kind = detect_file_format(path)
    except InputRefusedError as error:
        if error.code == "E_NOT_A_FILE":
            raise
        with path.open("rb") as file:
            kind = "NRRD" if file.read(4) == b"NRRD" else ""
    if kind not in ("DICOM", "NRRD") and path.stat().st_size == np.prod(grid.shape):
        return "bytes"
    if not kind:
        raise _make_label_error("the label is no NIfTI, NRRD, PNG or DICOM SEG; export it as one of these.")
    return kind


def _check_values(array: np.ndarray, values: Collection[int]) -> None:
    found = np.unique(array[array != 0])
    if not np.isfinite(found).all() or (found < 0).any() or (found != np.round(found)).any():
        raise _make_label_error("the label holds values that are no whole numbers from 0; export it as a label map.")
    if values and not set(found.tolist()) <= set(values):
        raise _make_label_error("the label holds values that its label_info does not name.")


def _make_label_error(reason: str) -> InputRefusedError:
    return InputRefusedError("E_LABEL", reason)
