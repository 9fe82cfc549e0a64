"""The pixel grid of a mammogram as ITK, and so 3D Slicer, places it in space.

ITK gives an image without Image Position and Orientation (Patient), as mammograms are, the identity as direction and 0
as origin, and takes the spacing at the detector. Directions and positions here are ITK's, in LPS.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, uid

from mammoseg.data.mammogram import file_format
from mammoseg.data.pictures import load_nifti, read_picture
from mammoseg.dicom.attributes import numbers
from mammoseg.dicom.read import read_header
from mammoseg.dicom.values import integer

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
        shape: ``(rows, columns)``.
        affine: ``(4, 4)``, from (column, row, slice) to mm in LPS.
    """

    shape: tuple[int, int]
    affine: np.ndarray


def grid_of(path: Path, *, header: Dataset | None = None) -> Grid:
    """The grid of a DICOM, NIfTI, PNG or TIFF image.

    Args:
        header: of a DICOM file, where it is read already.

    Raises:
        InputRefusedError: the file cannot be read.
    """
    match file_format(path):
        case "DICOM":
            return _dicom_grid(header or read_header(path))
        case "NIfTI":
            image = load_nifti(path)
            affine = np.eye(4) if image.affine is None else TO_RAS @ image.affine
            return Grid((image.array.shape[1], image.array.shape[0]), affine)
        case _:
            rows, columns = read_picture(path)[0].shape
            return Grid((rows, columns), np.eye(4))


def _dicom_grid(header: Dataset) -> Grid:
    affine = np.eye(4)
    orientation, position = numbers(header, "ImageOrientationPatient"), numbers(header, "ImagePositionPatient")
    if len(orientation) == 6 and len(position) == 3:
        row, column = np.reshape(orientation, (2, 3))
        affine[:3] = np.column_stack([row, column, np.cross(row, column), position])
    from_detector = header.get("SOPClassUID") in DETECTOR_CLASSES
    for keyword in ("ImagerPixelSpacing",) if from_detector else SPACING_KEYWORDS:
        spacing = numbers(header, keyword)
        if len(spacing) == 2 and all(0 < side < np.inf for side in spacing):
            affine[:3, :2] *= spacing[::-1]  # DICOM says row spacing first, PS3.3 10.7.1.1
            break
    return Grid((integer(header, "Rows"), integer(header, "Columns")), affine)
