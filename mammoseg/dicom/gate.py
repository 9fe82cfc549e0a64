"""The gate of bad input: what is not one readable grey projection image is refused here, by a stable code.

In this order: `mammoseg.dicom.parse` (is it a sound file), `check_is_mammogram` (is it an image to look at),
`check_pixel_description` and `mammoseg.dicom.codestream` (do header and pixels agree), and only then a decoder.
"""

import logging
import re
from collections.abc import Sequence

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder, pixel_array

from mammoseg.dicom.attributes import check_kind, remarks
from mammoseg.dicom.codestream import check_codestream
from mammoseg.dicom.parse import open_dicom
from mammoseg.dicom.values import MALFORMED, integer, text
from mammoseg.errors import InputRefusedError

__all__ = ["check_is_mammogram", "check_pixel_description", "decode", "open_dicom"]

logger = logging.getLogger(__name__)

IMAGE_CLASSES = {
    uid.DigitalMammographyXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForPresentation,
    uid.ComputedRadiographyImageStorage,
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
}
"""SOP classes that can hold one projection of one breast; film scans come as secondary capture."""

VOLUME_CLASSES = {
    uid.BreastTomosynthesisImageStorage,
    uid.BreastProjectionXRayImageStorageForPresentation,
    uid.BreastProjectionXRayImageStorageForProcessing,
}
"""SOP classes of tomosynthesis."""

FASTEST_PLUGIN = {uid.JPEGLosslessSV1: "gdcm", uid.JPEGLossless: "gdcm"} | dict.fromkeys(
    (uid.JPEG2000Lossless, uid.JPEG2000), "pylibjpeg"
)
"""Measured on the real files: JPEG lossless 0.11 s against 0.15 s, JPEG 2000 0.38 s against 0.44 s."""

MAX_PIXELS = 2**27
"""Four times the largest mammography detector; what claims more is refused before memory is given."""

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
"""UIDs that results refer to, or that become part of a path or an address."""

KNOWN_MODALITIES = {"MG", "CR", "DX", "RG", "OT", "SC", "CT", "MR", "US", "XA", "RF", "NM", "PT", "SEG", "SR", "PR"}
"""What a message repeats of Modality; anything else could be text that names a person."""

RUST_PANIC = "PanicException"
"""What pylibjpeg-rle raises on some damaged streams: no Exception, and of a module that cannot be imported."""

LOSSLESS = {
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.RLELossless,
}
"""Compressed syntaxes that give back what went in, bits above Bits Stored included."""


def check_is_mammogram(dataset: Dataset, modalities: Sequence[str]) -> None:
    """Refuse what is not one grey projection image made for looking at.

    Raises:
        InputRefusedError: ``E_DICOM_UID``, ``E_SOP_CLASS``, ``E_FOR_PROCESSING``, ``E_MULTIFRAME``, ``E_MODALITY``,
            ``E_IMAGE_KIND``, or ``E_ATTRIBUTE`` where one of these is malformed.
    """
    check_uids(dataset)
    sop_class = uid.UID(text(dataset, "SOPClassUID"))
    modality = text(dataset, "Modality")
    if sop_class in VOLUME_CLASSES:
        raise InputRefusedError("E_MULTIFRAME", f"{sop_class.name} holds many frames; give a 2D mammogram.")
    if (
        sop_class == uid.DigitalMammographyXRayImageStorageForProcessing
        or text(dataset, "PresentationIntentType") == "FOR PROCESSING"
    ):
        raise InputRefusedError("E_FOR_PROCESSING", "raw detector data; give the FOR PRESENTATION image.")
    if sop_class not in IMAGE_CLASSES:
        name = sop_class.name if sop_class in uid.UID_dictionary else "an unknown SOP class"
        raise InputRefusedError("E_SOP_CLASS", f"{name} is not a mammogram.")
    if modality not in modalities:
        known = modality if modality in KNOWN_MODALITIES else "missing or unknown"
        reason = f"Modality is {known}, not {' or '.join(modalities)}; let it in with --modalities, such as MG,RG."
        raise InputRefusedError("E_MODALITY", reason)
    check_kind(dataset)
    for remark in remarks(dataset):
        logger.warning("%s", remark)
    if text(dataset, "BurnedInAnnotation") == "YES":
        logger.warning("text is burned into the image; it will show in the overlay picture")


def check_uids(dataset: Dataset) -> None:
    """Refuse a UID that breaks the grammar (PS3.5 9.1), before it is used in a path, an address or a reference.

    One that is absent passes: reading needs none, and what writes DICOM asks for it.

    Raises:
        InputRefusedError: ``E_DICOM_UID``.
    """
    for keyword in UIDS:
        if keyword in dataset and not is_uid(text(dataset, keyword)):
            reason = f"{keyword} is empty, too long or no UID; correct it in the system that made the file."
            raise InputRefusedError("E_DICOM_UID", reason)


def is_uid(value: str) -> bool:
    """Whether a text is a UID; unlike pydicom's `UID.is_valid`, without a newline at its end."""
    return len(value) <= 64 and re.fullmatch(uid.RE_VALID_UID, value) is not None


def check_pixel_description(dataset: Dataset) -> None:
    """Refuse a description that no single grey image has, before any memory is given to it.

    Raises:
        InputRefusedError: ``E_NO_PIXELS``, ``E_MULTIFRAME``, ``E_COLOUR``, ``E_SIZE``, ``E_BITS``, ``E_TRUNCATED``, or
            ``E_ATTRIBUTE`` where one of the attributes is malformed.
    """
    frames = integer(dataset, "NumberOfFrames", 1)
    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    if frames == 0:
        logger.warning("Number of Frames is 0 and is taken for 1")
    elif frames != 1:
        raise InputRefusedError("E_MULTIFRAME", f"the file says {frames} frames; a mammogram has one.")
    grey = text(dataset, "PhotometricInterpretation") in ("MONOCHROME1", "MONOCHROME2")
    if not grey or integer(dataset, "SamplesPerPixel", 1) != 1:
        raise InputRefusedError("E_COLOUR", "the image is not MONOCHROME1 or MONOCHROME2; mammograms are grey.")
    if not 0 < rows * columns <= MAX_PIXELS:
        raise InputRefusedError("E_SIZE", f"the image is {rows} x {columns}; 1 to {MAX_PIXELS} pixels are read.")
    if not dataset.get("PixelData"):
        raise InputRefusedError("E_NO_PIXELS", "there is no integer Pixel Data in the file.")
    _check_bits(dataset)
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        _check_length(len(dataset.PixelData), rows * columns * dataset.BitsAllocated // 8)


def _check_bits(dataset: Dataset) -> None:
    allocated, stored = integer(dataset, "BitsAllocated"), integer(dataset, "BitsStored")
    if allocated not in (8, 16) or not 0 < stored <= allocated or integer(dataset, "PixelRepresentation") != 0:
        reason = f"{stored} of {allocated} bits, or signed; pixels must be unsigned, in 8 or 16 bits."
        raise InputRefusedError("E_BITS", reason)
    if integer(dataset, "HighBit", stored - 1) != stored - 1:
        raise InputRefusedError("E_BITS", f"the highest of {stored} bits is not bit {stored - 1}; store pixels low.")


def _check_length(stated: int, needed: int) -> None:
    if stated < needed:
        raise InputRefusedError("E_TRUNCATED", "Pixel Data is shorter than the image it describes.")
    if stated > needed + needed % 2:  # PS3.5 8.1.1: one byte of padding makes the length even
        reason = f"Pixel Data has {stated} bytes, the image it describes {needed}; one of the two is wrong."
        raise InputRefusedError("E_SIZE", reason)


def decode(dataset: Dataset) -> np.ndarray:
    """Decode one grey frame: unsigned integers ``(rows, columns)`` as stored, bits above Bits Stored cleared.

    Raises:
        InputRefusedError: as `check_pixel_description` and `mammoseg.dicom.codestream.check_codestream`, and
            ``E_COMPRESSION`` for a damaged stream.
    """
    check_pixel_description(dataset)
    syntax = dataset.file_meta.TransferSyntaxUID
    plugin = ""
    if syntax.is_compressed:
        check_codestream(
            dataset.PixelData,
            syntax,
            rows=dataset.Rows,
            columns=dataset.Columns,
            bits_allocated=dataset.BitsAllocated,
        )
    try:
        if syntax.is_compressed:
            fastest = FASTEST_PLUGIN.get(syntax, "")
            plugin = fastest if fastest in get_decoder(syntax).available_plugins else ""
        pixels = pixel_array(dataset, decoding_plugin=plugin)
    except BaseException as error:
        if not isinstance(error, (RuntimeError, *MALFORMED)) and type(error).__name__ != RUST_PANIC:
            raise
        reason = "the pixels cannot be decompressed: a damaged stream, or a method that no decoder here knows."
        raise InputRefusedError("E_COMPRESSION", reason) from error
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False).reshape(dataset.Rows, dataset.Columns)
    return _within_bits_stored(pixels, dataset.BitsStored, syntax)


def _within_bits_stored(pixels: np.ndarray, stored: int, syntax: uid.UID) -> np.ndarray:
    """Clear foreign bits above Bits Stored; a lossy stream has none, but may overshoot the largest value."""
    highest = 2**stored - 1
    if int(pixels.max()) <= highest:
        return pixels
    if syntax.is_compressed and syntax not in LOSSLESS:
        return np.minimum(pixels, pixels.dtype.type(highest))
    return pixels & pixels.dtype.type(highest)
