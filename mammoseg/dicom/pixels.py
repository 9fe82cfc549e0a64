"""Pixels of one grey image: their description in the header, a stream that agrees with it, and what a decoder makes."""

import logging

import numpy as np
from pydicom import uid
from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder, pixel_array

from mammoseg.dicom.codestream import parse_codestream, with_offset_table
from mammoseg.dicom.grey import find_padding, read_padding_range
from mammoseg.dicom.values import is_absent, read_code_string, read_integer
from mammoseg.errors import InputRefusedError

logger = logging.getLogger(__name__)

FASTEST_PLUGIN = {uid.JPEGLosslessSV1: "gdcm", uid.JPEGLossless: "gdcm"} | dict.fromkeys(
    (uid.JPEG2000Lossless, uid.JPEG2000), "pylibjpeg"
)
"""Measured on the real files: JPEG lossless 0.11 s against 0.15 s, JPEG 2000 0.38 s against 0.44 s."""

MAX_PIXELS = 2**27
"""Four times the largest mammography detector; what claims more is refused before memory is given."""

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
"""Compressed syntaxes that give back what went in."""

MOST_OVERSHOOT = 1 / 16
"""By how much of the largest value a lossy stream may exceed it; JPEG 2000 at 80 to 1 did by 1 / 21."""

GREY = ("MONOCHROME1", "MONOCHROME2")

NEEDED_FOR_PIXELS = {
    "SamplesPerPixel": "E_COLOUR",
    "PhotometricInterpretation": "E_COLOUR",
    "Rows": "E_SIZE",
    "Columns": "E_SIZE",
    "BitsAllocated": "E_BITS",
    "BitsStored": "E_BITS",
    "PixelRepresentation": "E_BITS",
}
"""Attributes without which pixels mean nothing (PS3.3 C.7.6.3), and the code of a file that lacks one."""


def check_pixel_description(dataset: Dataset) -> None:
    """Refuse a description that no single grey image has, before any memory is given to it.

    Raises:
        InputRefusedError: ``E_NO_PIXELS``, ``E_MULTIFRAME``, ``E_COLOUR``, ``E_SIZE``, ``E_BITS``, ``E_TRUNCATED``, or
            ``E_ATTRIBUTE`` where one of the attributes is malformed.
    """
    for keyword, code in NEEDED_FOR_PIXELS.items():
        if is_absent(dataset, keyword):
            reason = (
                f"{dictionary_description(keyword)} is absent or empty; correct it in the system that made the file."
            )
            raise InputRefusedError(code, reason)
    frames = read_integer(dataset, "NumberOfFrames", 1)
    rows, columns = read_integer(dataset, "Rows"), read_integer(dataset, "Columns")
    if frames == 0:
        logger.warning("Number of Frames is 0 and is taken for 1")
    elif frames != 1:
        raise InputRefusedError("E_MULTIFRAME", f"the file says {frames} frames; a mammogram has one.")
    if read_code_string(dataset, "PhotometricInterpretation") not in GREY:
        raise InputRefusedError("E_COLOUR", "the image is not MONOCHROME1 or MONOCHROME2; mammograms are grey.")
    if (samples := read_integer(dataset, "SamplesPerPixel")) != 1:
        raise InputRefusedError("E_COLOUR", f"the image has {samples} samples a pixel; mammograms are grey.")
    if not 0 < rows * columns <= MAX_PIXELS:
        raise InputRefusedError("E_SIZE", f"the image is {rows} x {columns}; 1 to {MAX_PIXELS} pixels are read.")
    if not dataset.get("PixelData"):
        what = "is empty" if "PixelData" in dataset else "is absent, or not of integers"
        raise InputRefusedError("E_NO_PIXELS", f"Pixel Data {what}; there is nothing to look at.")
    _check_bits(dataset)
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        _check_length(dataset.PixelData, _compute_native_length(dataset))


def _check_bits(dataset: Dataset) -> None:
    allocated, stored = read_integer(dataset, "BitsAllocated"), read_integer(dataset, "BitsStored")
    if read_integer(dataset, "PixelRepresentation") != 0:
        raise InputRefusedError("E_BITS", "the pixels are signed; those of a mammogram are unsigned.")
    if allocated not in (8, 16) or not 0 < stored <= allocated:
        reason = f"{stored} of {allocated} bits; pixels must have 8 or 16 bits allocated, and no more stored."
        raise InputRefusedError("E_BITS", reason)
    if read_integer(dataset, "HighBit", stored - 1) != stored - 1:
        raise InputRefusedError("E_BITS", f"the highest of {stored} bits is not bit {stored - 1}; store pixels low.")


def _compute_native_length(dataset: Dataset) -> int:
    return dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8


def _check_length(stated: bytes, needed: int) -> None:
    """PS3.5 8.1.1: some applications pad by more than the one byte that makes the length even."""
    if len(stated) < needed:
        raise InputRefusedError("E_TRUNCATED", "Pixel Data is shorter than the image it describes.")
    if len(stated) > needed + needed % 2:
        if stated.count(0, needed) < len(stated) - needed:
            reason = f"Pixel Data has {len(stated)} bytes, the image it describes {needed}; one of the two is wrong."
            raise InputRefusedError("E_SIZE", reason)
        logger.warning("%d bytes of padding behind the pixels are left out", len(stated) - needed)


def drop_padding(dataset: Dataset) -> None:
    """Take from uncompressed pixels, in place, the bytes behind them, but the one that makes the length even."""
    needed = _compute_native_length(dataset)
    if len(dataset.PixelData) > needed + needed % 2:
        dataset.PixelData = dataset.PixelData[:needed] + bytes(needed % 2)


def decode(dataset: Dataset) -> np.ndarray:
    """Decode one grey frame: unsigned integers ``(rows, columns)`` as stored, within Bits Stored but for padding.

    Where a compressed stream states fewer bits than the header, `dataset` has its Bits Stored afterwards.

    Raises:
        InputRefusedError: as `check_pixel_description` and `mammoseg.dicom.codestream.parse_codestream`,
            ``E_COMPRESSION`` for a damaged stream, and ``E_BITS`` for one with pixels above Bits Stored.
    """
    check_pixel_description(dataset)
    dataset.PhotometricInterpretation = read_code_string(dataset, "PhotometricInterpretation")  # pydicom keeps blanks
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        pixels = _decompress(dataset)
    else:
        drop_padding(dataset)
        pixels = pixel_array(dataset, correct_unused_bits=False)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False).reshape(dataset.Rows, dataset.Columns)
    return _keep_within_bits_stored(pixels, dataset)


def _decompress(dataset: Dataset) -> np.ndarray:
    syntax, stored = dataset.file_meta.TransferSyntaxUID, dataset.BitsStored
    if (pixel_data := with_offset_table(dataset.PixelData)) is not dataset.PixelData:
        logger.warning("the compressed pixels begin without an offset table; an empty one is put in")
        dataset.PixelData = pixel_data
    bits = parse_codestream(
        dataset.PixelData,
        syntax,
        rows=dataset.Rows,
        columns=dataset.Columns,
        bits_allocated=dataset.BitsAllocated,
        bits_stored=stored,
    )
    if bits < stored:
        logger.warning("the stream has %d bits a pixel, the header says %d; the stream is believed", bits, stored)
    _set_bits(dataset, bits)  # some decoders clear what is above, which must be seen
    pixels = _run_decoder(dataset, syntax)
    _set_bits(dataset, min(bits, stored))
    return pixels


def _set_bits(dataset: Dataset, bits: int) -> None:
    dataset.BitsStored, dataset.HighBit = bits, bits - 1


def _run_decoder(dataset: Dataset, syntax: uid.UID) -> np.ndarray:
    fastest = FASTEST_PLUGIN.get(syntax, "")
    try:
        plugin = fastest if fastest in get_decoder(syntax).available_plugins else ""
        return pixel_array(dataset, decoding_plugin=plugin, correct_unused_bits=False)
    except MemoryError:
        raise
    except BaseException as error:
        if not (isinstance(error, Exception) or type(error).__name__ == RUST_PANIC):
            raise
        reason = "the pixels cannot be decompressed: a damaged stream, or a method that no decoder here knows."
        raise InputRefusedError("E_COMPRESSION", reason) from error


def _keep_within_bits_stored(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Pixels that all lie within Bits Stored, or are padding.

    Uncompressed words may carry other bits above, such as those of an overlay (PS3.5 8.1.1 of older editions): these
    are cleared. A stream holds nothing but pixels: where they need more bits than the header says, one of the two is
    wrong. Only a lossy stream may overshoot the largest value by a little.
    """
    highest = 2**dataset.BitsStored - 1
    if int(pixels.max()) <= highest:
        return pixels
    above = pixels > highest
    padding = find_padding(pixels, read_padding_range(dataset))
    if padding is not None:
        above &= ~padding
    if not above.any():
        return pixels
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        logger.warning(
            "%d pixels have bits above Bits Stored, which are cleared; if the picture looks torn, Bits Stored is wrong",
            np.count_nonzero(above),
        )
        return np.where(above, pixels & pixels.dtype.type(highest), pixels)
    if syntax in LOSSLESS or int(pixels[above].max()) > highest * (1 + MOST_OVERSHOOT):
        reason = f"pixels of the stream need more than the {dataset.BitsStored} bits that the header says."
        raise InputRefusedError("E_BITS", reason)
    return np.where(above, pixels.dtype.type(highest), pixels)
