"""A mammogram as the rest of the package sees it, whatever file it came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoseg.errors import InputRefusedError

PIXDIM = "NIfTI pixdim"
"""Source of a spacing that a NIfTI file gives in mm."""

PIXEL_SIZES_MM = (0.01, 1.0)
"""Spacings that are believed, the last one not included: detectors and film scanners have 0.04 to 0.2 mm, copies
reduced to 256 rows 0.94 mm; 1.0 mm is what converters write that know none."""


def is_pixel_size(spacing_mm: Sequence[float]) -> bool:
    """Whether ``(row, column)`` are sizes that pixels of a mammogram have."""
    smallest, too_large = PIXEL_SIZES_MM
    return len(spacing_mm) == 2 and all(smallest <= side < too_large for side in spacing_mm)


def not_believed(name: str) -> str:
    """The remark on a spacing that `is_pixel_size` does not take."""
    return f"{name} is no pixel size of a mammogram and is not believed, so nothing is measured in mm by it"


@dataclass(frozen=True)
class Mammogram:
    """One view of one breast, in the stored frame of its file: never flipped, cropped or resized.

    Args:
        pixels: float32 ``(rows, columns)``, dense tissue bright; pixel padding has the lowest value.
        laterality: ``"L"``, ``"R"``, or None where the file does not say.
        view: ``"CC"``, ``"MLO"``, ``"ML"``, ..., or None where the file does not say.
        pixel_spacing_mm: ``(row, column)``, or None where no attribute gives it honestly.
        pixel_spacing_source: the attribute that gave it, such as ``"ImagerPixelSpacing"`` (detector plane).
        magnification: Estimated Radiographic Magnification Factor; never applied to `pixel_spacing_mm`.
        value_range: lowest and highest value that `pixels` can take.
        path: the file.
        padding: bool ``(rows, columns)``, True where nothing was recorded; None where the file names no such value.
        sop_instance_uid: of a DICOM file that has one.
        notes: what its user should know of the file, such as a magnification view; nothing that names a patient.
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

    def __str__(self) -> str:
        """The path: MONAI names what it loads by its text."""
        return str(self.path)


def read_mammogram(path: Path | str, *, voi: str | int = "first", modalities: Sequence[str] = ("MG",)) -> Mammogram:
    """Read a DICOM, PNG, TIFF, JPEG, PGM or NIfTI mammogram; the content decides which it is, not the name.

    Args:
        path: the file.
        voi: ``"first"``, ``"none"`` or an index; see `mammoseg.dicom.read.read_dicom`. Other formats have no VOI.
        modalities: DICOM modalities to let in; film scans often say ``"RG"`` or ``"OT"``.

    Raises:
        InputRefusedError: the file cannot be used; its code says why.
    """
    mammogram = _read(Path(path), voi, modalities)
    check_something_to_see(mammogram)
    return mammogram


def check_something_to_see(mammogram: Mammogram) -> None:
    """Refuse an image of one grey value, padding apart: empty, constant or saturated.

    Raises:
        InputRefusedError: ``E_NO_BREAST``.
    """
    for step in (16, 1):  # a coarse grid decides nearly always
        pixels = mammogram.pixels[::step, ::step]
        has_darker = pixels < pixels.max()
        if mammogram.padding is not None:
            has_darker &= ~mammogram.padding[::step, ::step]
        if has_darker.any():
            return
    raise InputRefusedError("E_NO_BREAST", "all pixels have the same grey value; there is no breast to look at.")


def _read(path: Path, voi: str | int, modalities: Sequence[str]) -> Mammogram:
    match file_format(path):
        case "DICOM":
            # Imported here: it needs `Mammogram` from this module, and pictures need no pydicom.
            from mammoseg.dicom.read import read_dicom

            return read_dicom(path, voi=voi, modalities=modalities)
        case "NIfTI":
            from mammoseg.data.pictures import read_nifti

            pixels, value_range, said = read_nifti(path)
            spacing = said if said and is_pixel_size(said) else None
            notes = (not_believed(PIXDIM),) if said and not spacing else ()
            return Mammogram(pixels, None, None, spacing, spacing and PIXDIM, None, value_range, path, notes=notes)
        case _:
            from mammoseg.data.pictures import load_picture

            picture = load_picture(path)
            pixels, value_range = picture.pixels, picture.value_range
            return Mammogram(pixels, None, None, None, None, None, value_range, path, notes=picture.notes)


SIGNATURES = (
    ("DICOM", 128, (b"DICM",)),
    ("PNG", 0, (b"\x89PNG\r\n\x1a\n",)),
    ("TIFF", 0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("JPEG", 0, (b"\xff\xd8\xff",)),
    ("PGM", 0, tuple(b"P%d%c" % (kind, blank) for kind in range(1, 7) for blank in b" \t\r\n")),
    ("NIfTI", 344, (b"n+1\0", b"ni1\0")),
    ("NIfTI", 0, (b"\x1f\x8b",)),
)
"""Format, offset and the bytes that stand there; what is gzipped is NIfTI or refused by its reader."""


def file_format(path: Path) -> str:
    """Name the format of a file by its first bytes.

    Raises:
        InputRefusedError: ``E_NOT_A_FILE`` for what is no regular file that can be read, ``E_NOT_DICOM`` for an
            unknown format.
    """
    try:
        str(path).encode()
        if path.is_dir():
            raise InputRefusedError("E_NOT_A_FILE", "this is a folder that cannot be read; mend its permissions.")
        if not path.is_file():
            raise InputRefusedError("E_NOT_A_FILE", "there is no regular file of this name; check the path.")
        with path.open("rb") as file:
            head = file.read(352)
    except UnicodeEncodeError as error:
        raise InputRefusedError("E_NOT_A_FILE", "the file name is no valid UTF-8; rename the file.") from error
    except OSError as error:
        raise InputRefusedError("E_NOT_A_FILE", f"the file cannot be read ({error.strerror}).") from error
    for name, offset, signatures in SIGNATURES:
        if head[offset:].startswith(signatures):
            return name
    kinds = "DICOM (part 10, with preamble), PNG, TIFF, JPEG, PGM nor NIfTI"
    raise InputRefusedError("E_NOT_DICOM", f"this is neither {kinds}.")
