"""A mammogram as the rest of the package sees it, whatever file it came from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PIXEL_SIZES_MM = (0.01, 1.0)
"""Spacings that are believed, the last one not included: detectors and film scanners have 0.04 to 0.2 mm, copies
reduced to 256 rows 0.94 mm; 1.0 mm is what converters write that know none."""

MOST_MASSES = 100
"""Of one image, as a file or a person states them: nobody draws so many, and each is a mask of its size in memory."""

MODALITIES = ("MG",)
"""DICOM modalities that are let in where a call names no others."""


def list_modalities(named: str | Sequence[str]) -> tuple[str, ...]:
    """Modalities as a call names them: several, or a text with commas between them, as the command line takes it.

    Examples:
        >>> from mammoseg.mammogram import list_modalities
        >>> list_modalities("MG, RG"), list_modalities(["CR"])
        (('MG', 'RG'), ('CR',))
    """
    return tuple(word.strip() for word in (named.split(",") if isinstance(named, str) else named))


@dataclass(frozen=True)
class SourceFile:
    """What a file was when its pixels were read, from the same bytes.

    Attributes:
        format: ``"DICOM"``, ``"PNG"``, ..., as `mammoseg.data.mammogram.detect_file_format` names it.
        sha256: hexadecimal SHA-256 of its bytes.
        header: a DICOM header without pixels, for `mammoseg.dicom.read.load_header`; None where there is none that
            can be written.
    """

    format: str
    sha256: str
    header: bytes | None = None


@dataclass(frozen=True)
class Mammogram:
    """One view of one breast, in the stored frame of its file: never flipped, cropped or resized.

    Attributes:
        pixels: float32 ``(rows, columns)``, dense tissue bright; pixel padding has the lowest value.
        laterality: ``"L"``, ``"R"``, or None where the file does not say.
        view: ``"CC"``, ``"MLO"``, ``"ML"``, ..., or None where the file does not say.
        pixel_spacing_mm: ``(row, column)``, or None where no attribute gives it honestly.
        pixel_spacing_source: the attribute that gave it, such as ``"ImagerPixelSpacing"`` (detector plane).
        magnification: Estimated Radiographic Magnification Factor; never applied to `pixel_spacing_mm`.
        value_range: lowest and highest value that `pixels` can take.
        path: file that it was read from.
        padding: bool ``(rows, columns)``, True where nothing was recorded; None where the file names no such value.
        sop_instance_uid: SOP Instance UID of a DICOM file that has one.
        notes: what its user should know of the file, such as a magnification view; nothing that names a patient.
        source: what the file was; None for a mammogram that is made of something else.
    """

    pixels: np.ndarray
    laterality: str | None
    view: str | None
    pixel_spacing_mm: tuple[float, float] | None
    pixel_spacing_source: str | None
    magnification: float | None
    value_range: tuple[float, float]
    path: Path
    padding: np.ndarray | None = None
    sop_instance_uid: str | None = None
    notes: tuple[str, ...] = ()
    source: SourceFile | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """The path: MONAI names what it loads by its text."""
        return str(self.path)


def is_pixel_size(spacing_mm: Sequence[float]) -> bool:
    """Whether ``(row, column)`` are sizes that pixels of a mammogram have."""
    smallest, too_large = PIXEL_SIZES_MM
    return len(spacing_mm) == 2 and all(smallest <= side < too_large for side in spacing_mm)


def say_not_believed(name: str) -> str:
    """The remark on a spacing that `is_pixel_size` does not take."""
    return f"{name} is no pixel size of a mammogram and is not believed, so nothing is measured in mm by it"
