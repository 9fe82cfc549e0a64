"""Pixel descriptions that no single grey image has, or that decoders believe: rows 22 to 47."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom import uid
from pydicom.sequence import Sequence

from mammoseg.dicom.codestream import join_fragments
from tests.hostile.case import (
    ACCEPTED,
    COLUMNS,
    ROWS,
    HostileCase,
    bright_disc,
    find_element,
    with_attributes,
    with_bytes,
    write_good,
)
from tests.made_dicom import lut_item

SLOPE = (0x0028_1053, b"DS")
SECONDARY_CAPTURE = uid.SecondaryCaptureImageStorage
J2K_SIZE = b"\xff\x4f\xff\x51"
PADDED_COLUMNS = 8
"""Width of the strip of padding in row 38, at the right."""


def with_pixels(pixels: np.ndarray, **options: Any) -> Callable[[Path], Path]:
    """A `make` whose file is good and has these pixels."""
    return lambda folder: write_good(folder, pixels, **options)


def compressed(*command: str) -> Callable[[Path], Path]:
    """A `make` whose good file went through a program of DCMTK, ``PROGRAM OPTION... IN OUT``."""

    def make(folder: Path) -> Path:
        path = write_good(folder)
        subprocess.run([*command, str(path), str(path)], check=True, capture_output=True, timeout=20)
        return path

    return make


def in_syntax(
    syntax: uid.UID, *, change: Callable[[bytes], bytes] = bytes, **attributes: Any
) -> Callable[[Path], Path]:
    """A `make` whose good file is compressed; then `change` is done to the stream, and attributes are set."""

    def make(folder: Path) -> Path:
        dataset = pydicom.dcmread(write_good(folder, transfer_syntax=syntax))
        dataset.PixelData = change(dataset.PixelData)
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(folder / "a.dcm")
        return folder / "a.dcm"

    return make


def jpeg_2000_lossy(folder: Path) -> Path:
    """A file that was compressed 8 to 1, and says so."""
    dataset = pydicom.dcmread(write_good(folder))
    dataset.compress(uid.JPEG2000, j2k_cr=[8], generate_instance_uid=False)
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = 8
    dataset.LossyImageCompressionMethod = "ISO_15444_1"
    dataset.save_as(folder / "a.dcm")
    return folder / "a.dcm"


def jpeg_of_other_rows(folder: Path) -> Path:
    """A JPEG lossless stream of 96 rows below a header of 95."""
    path = compressed("dcmcjpeg", "+e1")(folder)
    dataset = pydicom.dcmread(path)
    dataset.Rows = ROWS - 1
    dataset.save_as(path)
    return path


def huge_jpeg_2000(stream: bytes) -> bytes:
    """Let the SIZ marker say 60000 x 60000."""
    at = stream.index(J2K_SIZE) + 8
    return stream[:at] + (60000).to_bytes(4, "big") * 2 + stream[at + 8 :]


def flip_bits(where: float) -> Callable[[bytes], bytes]:
    """Flip all bits of one byte, at this fraction of the stream."""

    def change(stream: bytes) -> bytes:
        at = int(len(stream) * where)
        return stream[:at] + bytes([stream[at] ^ 0xFF]) + stream[at + 1 :]

    return change


def not_a_number(content: bytes) -> bytes:
    """Let Rescale Slope be a letter."""
    at = find_element(content, *SLOPE) + 8
    return content[:at] + b"x" + content[at + 1 :]


def padded() -> np.ndarray:
    """The disc, and the largest value where nothing was recorded."""
    pixels = bright_disc()
    pixels[:, -PADDED_COLUMNS:] = 4095
    return pixels


def as_padding() -> np.ndarray:
    """The same as it has to be seen: padding dark."""
    return np.where(padded() == 4095, 0, padded())


def padded_outside() -> bytes:
    """The disc, and 65535 where nothing was recorded."""
    return np.where(padded() == 4095, 65535, padded()).astype("<u2").tobytes()


def signed(stream: bytes) -> bytes:
    """Let the SIZ marker say signed."""
    at = stream.index(J2K_SIZE) + 42
    return stream[:at] + bytes([stream[at] | 0x80]) + stream[at + 1 :]


def in_two_fragments(pixel_data: bytes) -> bytes:
    """The same stream, cut behind its 20th byte."""
    stream = join_fragments(pixel_data)
    items = (b"", stream[:20], stream[20:])
    return b"".join(b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item for item in items)


def beyond_bits_stored(syntax: uid.UID) -> Callable[[Path], Path]:
    """A `make` whose stream holds 16 bits a pixel below a header that says 12."""

    def make(folder: Path) -> Path:
        dataset = pydicom.dcmread(write_good(folder))
        dataset.PixelData = (bright_disc() * 16).astype("<u2").tobytes()
        dataset.BitsStored, dataset.HighBit = 16, 15
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.save_as(folder / "a.dcm")
        return folder / "a.dcm"

    return make


EIGHT_BITS = np.arange(4096) // 16


def packed_item() -> pydicom.Dataset:
    """Entries of 8 bits, two a word."""
    item = lut_item(0, EIGHT_BITS.tolist(), bits=8)
    item.add_new("LUTData", "OW", EIGHT_BITS.astype(np.uint8).tobytes())
    return item


def overlay_outside(folder: Path) -> Path:
    """An overlay plane that lies beside the image, PS3.3 C.9.2."""
    path = write_good(folder)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x6000_0010, "US", ROWS)
    dataset.add_new(0x6000_0011, "US", COLUMNS)
    dataset.add_new(0x6000_0040, "CS", "G")
    dataset.add_new(0x6000_0050, "SS", [-500, 3000])
    dataset.add_new(0x6000_0100, "US", 1)
    dataset.add_new(0x6000_0102, "US", 0)
    dataset.add_new(0x6000_3000, "OW", b"\xff" * (ROWS * COLUMNS // 8))
    dataset.save_as(path)
    return path


def large(folder: Path) -> Path:
    """30 megapixels, as the largest detectors have."""
    pixels = np.zeros((6000, 5000), np.uint16)
    pixels[500:5500, :3000] = 600
    pixels[2000:2400, 1000:1400] = 4000
    return write_good(folder, pixels)


THREE_WINDOWS = {"WindowCenter": [2000, 1000, 3000], "WindowWidth": [3000, 500, 900]}
FIRST_WINDOW = {"WindowCenter": 2000, "WindowWidth": 3000}
TABLE = Sequence([lut_item(0, [min(4095, value * 5 // 4) for value in range(4096)])])
FIRST_ITEM = "the first item of VOI LUT Sequence, else the first window; the others have no effect"
ONE_VALUE = "`E_NO_BREAST` where all pixels, padding apart, have one grey value"
FLAG = "LossyImageCompression is carried to the SEG"
IN_RGB = {"SOPClassUID": SECONDARY_CAPTURE, "SamplesPerPixel": 3, "PlanarConfiguration": 0}

CASES: list[HostileCase] = [
    HostileCase(22, "no-rows", "Rows 0", with_attributes(Rows=0), "E_SIZE"),
    HostileCase(
        23, "huge-sides", "Rows and Columns 65535, little data", with_attributes(Rows=65535, Columns=65535), "E_SIZE"
    ),
    HostileCase(
        24, "bits-8-12", "Bits Allocated 8, Bits Stored 12", with_attributes(BitsAllocated=8), "E_BITS"
    ),
    HostileCase(25, "bits-12", "Bits Allocated 12", with_attributes(BitsAllocated=12), "E_BITS"),
    HostileCase(
        26, "no-photometric", "no Photometric Interpretation", with_attributes(PhotometricInterpretation=None),
        "E_COLOUR",
    ),
    HostileCase(26, "no-samples", "no Samples per Pixel", with_attributes(SamplesPerPixel=None), "E_COLOUR"),
    HostileCase(27, "no-pixels", "no Pixel Data", with_attributes(PixelData=None), "E_NO_PIXELS"),
    HostileCase(28, "five-frames", "5 frames said, one there", with_attributes(NumberOfFrames=5), "E_MULTIFRAME"),
    HostileCase(
        29, "no-frames", "Number of Frames 0", with_attributes(NumberOfFrames=0), ACCEPTED,
        "taken for 1, with a warning", twin=write_good,
    ),
    HostileCase(
        30, "signed", "Pixel Representation 1", with_attributes(PixelRepresentation=1), "E_BITS",
        "refused: no mammogram is signed",
    ),
    HostileCase(
        30, "signed-stream", "JPEG 2000 stream says signed, the header unsigned",
        in_syntax(uid.JPEG2000Lossless, change=signed), "E_BITS",
    ),
    HostileCase(
        31, "foreign-bits", "other bits set above Bits Stored",
        with_attributes(PixelData=(bright_disc() | 0xF000).astype("<u2").tobytes()), ACCEPTED,
        "cleared, and counted in a note",
        twin=write_good,
    ),
    *(
        HostileCase(
            31, f"beyond-{name}", f"pixels of 16 bits in {what}, Bits Stored 12", beyond_bits_stored(syntax), "E_BITS"
        )
        for name, what, syntax in (
            ("j2k", "JPEG 2000", uid.JPEG2000Lossless),
            ("jpegls", "JPEG-LS", uid.JPEGLSLossless),
            ("rle", "RLE", uid.RLELossless),
        )
    ),
    HostileCase(32, "rgb", "RGB", with_attributes(**IN_RGB, PhotometricInterpretation="RGB"), "E_COLOUR"),
    HostileCase(32, "ybr", "YBR_FULL", with_attributes(**IN_RGB, PhotometricInterpretation="YBR_FULL"), "E_COLOUR"),
    HostileCase(
        32, "palette", "PALETTE COLOR",
        with_attributes(SOPClassUID=SECONDARY_CAPTURE, PhotometricInterpretation="PALETTE COLOR"), "E_COLOUR",
    ),
    HostileCase(
        33, "float", "Float Pixel Data",
        with_attributes(PixelData=None, BitsAllocated=32, FloatPixelData=bytes(4 * ROWS * COLUMNS)), "E_NO_PIXELS",
    ),
    HostileCase(34, "slope-0", "Rescale Slope 0", with_attributes(RescaleSlope=0), "E_RESCALE"),
    HostileCase(
        34, "slope-negative", "Rescale Slope -1 and a window",
        with_pixels(4095 - bright_disc(), attributes={"RescaleSlope": -1, "RescaleIntercept": 4095}), ACCEPTED,
        "a window rises whatever the sign of the slope", twin=write_good,
    ),
    HostileCase(34, "slope-x", "Rescale Slope is a letter", with_bytes(not_a_number), "E_RESCALE"),
    HostileCase(
        35, "window-0", "Window Width 0", with_attributes(WindowWidth=0), ACCEPTED, "left out, with a warning",
        twin=with_pixels(bright_disc(), window=None),
    ),
    HostileCase(
        35, "window-negative", "Window Width -5", with_attributes(WindowWidth=-5), ACCEPTED, "left out, with a warning",
        twin=with_pixels(bright_disc(), window=None),
    ),
    *(
        HostileCase(
            36, f"windows-{function.lower().replace('_', '-')}", f"three windows, {function}",
            with_attributes(**THREE_WINDOWS, VOILUTFunction=function), ACCEPTED, FIRST_ITEM,
            twin=with_attributes(**FIRST_WINDOW, VOILUTFunction=function),
        )
        for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
    ),
    HostileCase(
        36, "voi-table", "VOI LUT Sequence and three windows",
        with_attributes(**THREE_WINDOWS, VOILUTSequence=TABLE), ACCEPTED, FIRST_ITEM,
        twin=with_attributes(VOILUTSequence=TABLE, WindowCenter=None, WindowWidth=None),
    ),
    HostileCase(
        36, "voi-table-packed", "VOI LUT of 8 bits, two entries a word",
        with_attributes(VOILUTSequence=Sequence([packed_item()])), ACCEPTED, "as one entry a word",
        twin=with_attributes(VOILUTSequence=Sequence([lut_item(0, EIGHT_BITS.tolist(), bits=8)])),
    ),
    HostileCase(
        37, "monochrome1", "MONOCHROME1", with_pixels(bright_disc(), photometric="MONOCHROME1"), ACCEPTED,
        "inverted, within one grey level of its MONOCHROME2 twin", twin=write_good,
    ),
    HostileCase(
        37, "lut-shape", "MONOCHROME2 with Presentation LUT Shape INVERSE",
        with_attributes(PresentationLUTShape="INVERSE"), ACCEPTED,
        "Photometric Interpretation is followed, and a note says that the two contradict", twin=write_good,
    ),
    HostileCase(
        38, "padding", "a strip of Pixel Padding Value, 4095",
        with_pixels(padded(), attributes={"PixelPaddingValue": 4095}, window=None), ACCEPTED,
        "lowest grey value, and never part of a mass", twin=with_pixels(as_padding(), window=None),
    ),
    HostileCase(
        38, "padding-range", "a strip of padding by Pixel Padding Range Limit",
        with_pixels(padded(), attributes={"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4090}, window=None),
        ACCEPTED, "lowest grey value, and never part of a mass", twin=with_pixels(as_padding(), window=None),
    ),
    HostileCase(
        38, "padding-outside", "a strip of Pixel Padding Value 65535, above Bits Stored",
        with_pixels(
            as_padding(), attributes={"PixelPaddingValue": 65535, "PixelData": padded_outside()}, window=None
        ),
        ACCEPTED, "lowest grey value, and never part of a mass", twin=with_pixels(as_padding(), window=None),
    ),
    HostileCase(39, "zeros", "all zero", with_pixels(np.zeros((ROWS, COLUMNS), int)), "E_NO_BREAST", ONE_VALUE),
    HostileCase(39, "constant", "constant", with_pixels(np.full((ROWS, COLUMNS), 700)), "E_NO_BREAST", ONE_VALUE),
    HostileCase(39, "saturated", "saturated", with_pixels(np.full((ROWS, COLUMNS), 4095)), "E_NO_BREAST", ONE_VALUE),
    HostileCase(
        39, "dark-window", "a window that makes everything black", with_attributes(WindowCenter=30000, WindowWidth=9),
        "E_NO_BREAST", ONE_VALUE,
    ),
    HostileCase(
        39, "padding-only", "one grey value and padding",
        with_pixels(np.where(padded() == 4095, 4095, 300), attributes={"PixelPaddingValue": 4095}), "E_NO_BREAST",
        ONE_VALUE,
    ),
    HostileCase(
        40, "for-processing", "FOR PROCESSING by its SOP class",
        with_attributes(SOPClassUID=uid.DigitalMammographyXRayImageStorageForProcessing), "E_FOR_PROCESSING",
    ),
    HostileCase(
        40, "intended-for-processing", "FOR PROCESSING by Presentation Intent Type",
        with_attributes(PresentationIntentType="FOR PROCESSING"), "E_FOR_PROCESSING",
    ),
    HostileCase(41, "j2k-lossy", "JPEG 2000, lossy", jpeg_2000_lossy, ACCEPTED, FLAG),
    HostileCase(41, "jpegls-near", "JPEG-LS, near-lossless", compressed("dcmcjpls", "+en"), ACCEPTED, FLAG),
    HostileCase(41, "jpeg-extended", "JPEG extended, 12 bits", compressed("dcmcjpeg", "+ee"), ACCEPTED, FLAG),
    HostileCase(42, "jpeg-sv1", "JPEG lossless, SV1", compressed("dcmcjpeg", "+e1"), ACCEPTED, twin=write_good),
    HostileCase(42, "jpeg-lossless", "JPEG lossless", compressed("dcmcjpeg", "+el"), ACCEPTED, twin=write_good),
    HostileCase(42, "jpegls", "JPEG-LS lossless", in_syntax(uid.JPEGLSLossless), ACCEPTED, twin=write_good),
    HostileCase(42, "j2k", "JPEG 2000 lossless", in_syntax(uid.JPEG2000Lossless), ACCEPTED, twin=write_good),
    HostileCase(42, "rle", "RLE", in_syntax(uid.RLELossless), ACCEPTED, twin=write_good),
    HostileCase(
        43, "j2k-flip-header", "a byte of a JPEG 2000 main header inverted",
        in_syntax(uid.JPEG2000Lossless, change=lambda s: flip_bits((s.index(J2K_SIZE) + 40) / len(s))(s)), "E_COLOUR",
        "what the header of the stream or the decoder shows is refused",
    ),
    HostileCase(
        43, "j2k-flip-data", "a byte in the middle of JPEG 2000 data inverted",
        in_syntax(uid.JPEG2000Lossless, change=flip_bits(0.5)), ACCEPTED,
        "accepted: the decoder gives other pixels without a word, and nothing in the file tells",
    ),
    HostileCase(
        44, "j2k-two-fragments", "JPEG 2000 header over two fragments",
        in_syntax(uid.JPEG2000Lossless, change=in_two_fragments), ACCEPTED, twin=write_good,
    ),
    HostileCase(
        44, "j2k-huge", "JPEG 2000 stream says 60000 x 60000",
        in_syntax(uid.JPEG2000Lossless, change=huge_jpeg_2000), "E_SIZE",
    ),
    HostileCase(45, "jpeg-rows", "JPEG lossless of another size than Rows", jpeg_of_other_rows, "E_SIZE"),
    HostileCase(
        45, "jpegls-rows", "JPEG-LS of another size than Rows", in_syntax(uid.JPEGLSLossless, Rows=ROWS + 1), "E_SIZE"
    ),
    HostileCase(
        45, "rle-rows", "RLE of another size than Rows", in_syntax(uid.RLELossless, Rows=ROWS + 1), "E_COMPRESSION",
        "RLE names no size; the decoder finds too little",
    ),
    HostileCase(
        45, "rle-turned", "RLE of a picture that lies on its side, as many pixels",
        in_syntax(uid.RLELossless, Rows=COLUMNS, Columns=ROWS), ACCEPTED,
        "accepted: RLE names no size, and its decoder gives one run of bytes; nothing in the file tells",
    ),
    HostileCase(46, "30-megapixels", "6000 x 5000 pixels", large, ACCEPTED),
    HostileCase(
        47, "overlay-outside", "an overlay plane outside the image", overlay_outside, ACCEPTED,
        "overlay planes are ignored", twin=write_good,
    ),
    HostileCase(
        47, "burned-in", "Burned In Annotation YES", with_attributes(BurnedInAnnotation="YES"), ACCEPTED,
        "accepted with a warning: the text will show in the overlay picture", twin=write_good,
    ),
]  # fmt: skip
