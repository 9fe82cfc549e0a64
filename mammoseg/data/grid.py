"""The pixel grid of a mammogram as ITK, and so 3D Slicer, places it in space, and masks that lie on it another way.

ITK gives an image without Image Position and Orientation (Patient), as mammograms are, the identity as direction and 0
as origin, and takes the spacing at the detector. Directions and positions here are ITK's, in LPS.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, uid

from mammoseg.data.mammogram import detect_file_format
from mammoseg.data.pictures import load_nifti, read_picture
from mammoseg.dicom.attributes import read_numbers
from mammoseg.dicom.read import read_header
from mammoseg.dicom.values import read_integer

TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From LPS to RAS, in which NIfTI counts, and back."""

SPACING_KEYWORDS = ("PixelSpacing", "NominalScannedPixelSpacing")
"""Where ITK (GDCM) looks for the spacing of an image; for X-ray detectors it takes Imager Pixel Spacing only."""

DETECTOR_CLASSES = (
    uid.DigitalMammographyXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForPresentation,
    uid.ComputedRadiographyImageStorage,
)


@dataclass(frozen=True)
class Grid:
    """Pixels of an image and where they are.

    Attributes:
        shape: number of ``(rows, columns)``.
        affine: ``(4, 4)``, from (column, row, slice) to mm in LPS.
    """

    shape: tuple[int, int]
    affine: np.ndarray


def read_grid(path: Path, *, header: Dataset | None = None) -> Grid:
    """The grid of a DICOM or NIfTI image, or of a picture.

    Args:
        header: header of a DICOM file, where it is read already.

    Raises:
        InputRefusedError: the file cannot be read.
    """
    match detect_file_format(path):
        case "DICOM":
            return _read_dicom_grid(header or read_header(path))
        case "NIfTI":
            image = load_nifti(path)
            has_axes = image.affine is not None and image.affine[:3, :3].any(axis=0).all()
            affine = TO_RAS @ image.affine if has_axes else np.eye(4)
            return Grid((image.array.shape[1], image.array.shape[0]), affine)
        case _:
            rows, columns = read_picture(path)[0].shape
            return Grid((rows, columns), np.eye(4))


def _read_dicom_grid(header: Dataset) -> Grid:
    affine = np.eye(4)
    orientation, position = (
        read_numbers(header, "ImageOrientationPatient"),
        read_numbers(header, "ImagePositionPatient"),
    )
    if len(orientation) == 6 and len(position) == 3:
        row, column = np.reshape(orientation, (2, 3))
        affine[:3] = np.column_stack([row, column, np.cross(row, column), position])
    from_detector = header.get("SOPClassUID") in DETECTOR_CLASSES
    for keyword in ("ImagerPixelSpacing",) if from_detector else SPACING_KEYWORDS:
        spacing = read_numbers(header, keyword)
        if len(spacing) == 2 and all(0 < side < np.inf for side in spacing):
            affine[:3, :2] *= spacing[::-1]  # DICOM says row spacing first, PS3.3 10.7.1.1
            break
    return Grid((read_integer(header, "Rows"), read_integer(header, "Columns")), affine)


def turn_to_grid(array: np.ndarray, affine: np.ndarray, grid: Grid) -> np.ndarray | None:
    """A slice with its axes as those of the image, if both cover the same place; None if they do not.

    Args:
        array: pixels as in their file, columns first; axes beyond the third are of one pixel.
        affine: ``(4, 4)``, from the indices of `array` to mm in LPS.
    """
    axes = find_axes_in_grid(affine, grid)
    if axes is None or np.prod(array.shape[3:]) != 1:
        return None
    array = array.reshape([*array.shape, 1][:3])
    source, sign = np.abs(axes).argmax(axis=1), axes.sum(axis=1)  # of each axis of the image
    sides = np.take(array.shape, source)
    way = _compute_directions(grid.affine).T @ (
        affine[:3, 3] - grid.affine[:3, 3]
    )  # in mm, along the axes of the image
    start = way / np.linalg.norm(affine[:3, :3], axis=0)[source]
    if not np.allclose(start, np.where(sign < 0, sides - 1, 0), atol=0.5):
        return None
    turned = np.transpose(array, source)
    return np.flip(turned, [axis for axis in range(3) if sign[axis] < 0])


def find_axes_in_grid(affine: np.ndarray, grid: Grid) -> np.ndarray | None:
    """How the axes of an array run along those of an image: ``(3, 3)``, one 1 or -1 in each row and column.

    The identity where they run alike; None where they are askew, or the affine is none.
    """
    if not np.isfinite(affine).all() or not affine[:3, :3].any(axis=0).all():
        return None
    turn = _compute_directions(grid.affine).T @ _compute_directions(affine)
    axes = np.round(turn)
    is_turn = (
        np.allclose(turn, axes, atol=1e-3) and (np.abs(axes).sum(0) == 1).all() and (np.abs(axes).sum(1) == 1).all()
    )
    return axes if is_turn else None


def _compute_directions(affine: np.ndarray) -> np.ndarray:
    """The directions of its axes, a column of length 1 each."""
    return affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
