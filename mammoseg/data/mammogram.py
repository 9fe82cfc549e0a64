"""A file of any format that is read here, as a mammogram."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mammoseg.errors import InputRefusedError
from mammoseg.mammogram import Mammogram, is_pixel_size, not_believed

PIXDIM = "NIfTI pixdim"
"""Source of a spacing that a NIfTI file gives in mm."""


def read_mammogram(path: Path | str, *, voi: str | int = "first", modalities: Sequence[str] = ("MG",)) -> Mammogram:
    """Read a DICOM, PNG, TIFF, JPEG, PGM or NIfTI mammogram; the content decides which it is, not the name.

    Args:
        path: file to read: DICOM, picture or NIfTI.
        voi: ``"first"``, ``"none"`` or an index; see `mammoseg.dicom.read.read_dicom`. Other formats have no VOI.
        modalities: DICOM modalities to let in; film scans often say ``"RG"`` or ``"OT"``.

    Raises:
        InputRefusedError: the file cannot be used; its code says why.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from mammoseg.data.mammogram import read_mammogram
        >>> from mammoseg.data.phantom_dicom import write_mammogram
        >>> dataset = write_mammogram(Path("left_cc.dcm"), np.arange(1200).reshape(40, 30))
        >>> mammogram = read_mammogram("left_cc.dcm")
        >>> mammogram.pixels.shape, mammogram.laterality, mammogram.view, mammogram.pixel_spacing_mm
        ((40, 30), 'L', 'CC', (0.07, 0.07))
    """
    mammogram = _read(Path(path), voi, modalities)
    check_something_to_see(mammogram)
    return mammogram


def facts_of(mammogram: Mammogram) -> dict[str, Any]:
    """What its file says of a mammogram, with the keys of a datalist record: side, view and pixel spacing."""
    facts: dict[str, Any] = {"laterality": mammogram.laterality, "view": mammogram.view}
    if mammogram.pixel_spacing_mm:
        facts["pixel_spacing_mm"] = list(mammogram.pixel_spacing_mm)
        facts["pixel_spacing_source"] = mammogram.pixel_spacing_source
    return facts


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
