"""A file of any format that is read here, as a mammogram."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mammoseg.data.pictures import flatten_nifti, parse_picture, parse_slice
from mammoseg.dicom.decode_pool import get_default_pool, make_request, parse_source_file
from mammoseg.errors import InputRefusedError
from mammoseg.files import as_printable, hash_file, make_no_file_error, make_unreadable_error
from mammoseg.mammogram import MODALITIES, Mammogram, SourceFile, is_pixel_size, say_not_believed

PIXDIM = "NIfTI pixdim"
"""SourceFile of a spacing that a NIfTI file gives in mm."""


def read_mammogram(path: Path | str, *, voi: str | int = "first", modalities: Sequence[str] = MODALITIES) -> Mammogram:
    """Read a DICOM, PNG, TIFF, JPEG, PGM or NIfTI mammogram; the content decides which it is, not the name.

    Args:
        path: file to read: DICOM, picture or NIfTI.
        voi: name or index that says which of a DICOM file's own grey-value functions to apply, counted over the items
            of VOI LUT Sequence and then the windows, each with its function LINEAR, LINEAR_EXACT or SIGMOID; other
            formats have none. ``"first"`` takes the first, or the stored range where there is none; an index takes
            that one; ``"none"`` keeps the stored range; ``"window CENTRE WIDTH"`` is a window of the caller in its
            place.
        modalities: DICOM modalities to let in; film scans often say ``"RG"`` or ``"OT"``.

    Raises:
        InputRefusedError: the file cannot be used; its code says why. Neither its text nor its code holds a value that
            names a patient.
        WrongCallError: `voi` is none of these.

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


def read_ahead(path: Path, *, voi: str | int = "first", modalities: Sequence[str] = MODALITIES) -> None:
    """Begin to read what `read_mammogram` is asked for next, while this process does something else."""
    get_default_pool().ask_ahead(_make_request(path, voi, modalities))


def describe_mammogram(mammogram: Mammogram) -> dict[str, Any]:
    """What its file says of a mammogram, with the keys of a datalist record: side, view, pixel spacing and vendor."""
    facts: dict[str, Any] = {"laterality": mammogram.laterality, "view": mammogram.view}
    if mammogram.pixel_spacing_mm:
        facts["pixel_spacing_mm"] = list(mammogram.pixel_spacing_mm)
        facts["pixel_spacing_source"] = mammogram.pixel_spacing_source
    if vendor := _read_manufacturer(mammogram):
        facts["vendor"] = vendor
    return facts


def _read_manufacturer(mammogram: Mammogram) -> str:
    """Manufacturer of the equipment; empty where the file is no DICOM, or does not say it."""
    if mammogram.source is None or mammogram.source.format != "DICOM":
        return ""
    from mammoseg.dicom.read import load_header  # pictures need no pydicom

    return as_printable(str(load_header(mammogram).get("Manufacturer") or "")).strip()[:64]


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


def _make_request(path: Path, voi: str | int, modalities: Sequence[str]) -> dict[str, Any]:
    return make_request("image", path, voi=voi, modalities=list(modalities))


def _read(path: Path, voi: str | int, modalities: Sequence[str]) -> Mammogram:
    fields, payload = get_default_pool().ask(_make_request(path, voi, modalities))
    source = parse_source_file(fields)
    if source.format == "DICOM":
        from mammoseg.dicom.read import parse_mammogram  # pictures need no pydicom

        return parse_mammogram(fields, payload, path)
    if source.format == "NIfTI":
        pixels, value_range, said = flatten_nifti(parse_slice(fields, payload))
        spacing = said if said and is_pixel_size(said) else None
        notes: tuple[str, ...] = (say_not_believed(PIXDIM),) if said and not spacing else ()
    else:
        picture = parse_picture(fields, payload)
        pixels, value_range, notes, spacing = picture.pixels, picture.value_range, picture.notes, None
    return Mammogram(
        pixels, None, None, spacing, spacing and PIXDIM, None, value_range, path, notes=notes, source=source
    )


SIGNATURES = (
    ("DICOM", 128, (b"DICM",)),
    ("PNG", 0, (b"\x89PNG\r\n\x1a\n",)),
    ("TIFF", 0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("JPEG", 0, (b"\xff\xd8\xff",)),
    ("PGM", 0, tuple(b"P%d%c" % (kind, blank) for kind in range(1, 7) for blank in b" \t\r\n")),
    ("NIfTI", 344, (b"n+1\0", b"ni1\0")),
    ("NIfTI", 4, (b"n+2\0",)),
    ("NIfTI", 0, (b"\x1f\x8b",)),
)
"""Format, offset and the bytes that stand there; what is gzipped is NIfTI or refused by its reader."""

HEAD_BYTES = 352
"""How many first bytes of a file `SIGNATURES` are looked for in."""


def detect_file_format(path: Path) -> str:
    """Name the format of a file by its first bytes.

    Raises:
        InputRefusedError: ``E_NOT_A_FILE`` for what is no regular file that can be read, ``E_NOT_DICOM`` for an
            unknown format.
    """
    check_is_file(path)
    try:
        with path.open("rb") as file:
            return detect_format(file.read(HEAD_BYTES))
    except OSError as error:
        raise make_unreadable_error(error) from error


def read_source_file(path: Path) -> SourceFile:
    """What a file is, where its pixels were read by somebody else.

    Raises:
        InputRefusedError: as `detect_file_format`.
        OSError: it cannot be read.
    """
    return SourceFile(detect_file_format(path), hash_file(path))


def check_is_file(path: Path) -> None:
    """Refuse what is no regular file, or has a name that is no text.

    Raises:
        InputRefusedError: ``E_NOT_A_FILE``.
    """
    try:
        str(path).encode()
        if path.is_dir():
            raise InputRefusedError("E_NOT_A_FILE", "this is a folder that cannot be read; mend its permissions.")
        if not path.is_file():
            raise make_no_file_error()
    except UnicodeEncodeError as error:
        raise InputRefusedError("E_NOT_A_FILE", "the file name is no valid UTF-8; rename the file.") from error
    except OSError as error:
        raise make_unreadable_error(error) from error


def detect_format(head: bytes) -> str:
    """Name the format of a file whose first `HEAD_BYTES`, or more, are `head`.

    Raises:
        InputRefusedError: ``E_NOT_DICOM`` for an unknown format.
    """
    for name, offset, signatures in SIGNATURES:
        if head[offset:].startswith(signatures):
            return name
    kinds = "DICOM (part 10, with preamble), PNG, TIFF, JPEG, PGM nor NIfTI"
    raise InputRefusedError("E_NOT_DICOM", f"this is neither {kinds}.")
