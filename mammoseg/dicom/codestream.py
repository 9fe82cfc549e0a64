"""What the header of a compressed stream says of its size, held against the DICOM header before a decoder believes it.

JPEG: ITU-T T.81 B.2.2; JPEG-LS: T.87 C.2.2; JPEG 2000: T.800 A.5.1; RLE: PS3.5 G.5.
"""

import re
import struct
from typing import NamedTuple

from pydicom import uid

from mammoseg.errors import InputRefusedError

JPEG_2000 = {
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.HTJ2K,
}
JPEG = {
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
}

START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG and JPEG-LS that carry the size."""

WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
"""Markers of JPEG that stand alone."""

JPEG_LS = {uid.JPEGLSLossless, uid.JPEGLSNearLossless}

JPEG_LS_FRAME = 0xF7
"""Marker by which a stream of JPEG-LS differs from one of JPEG."""

RLE_HEADER_BYTES, MOST_RLE_SEGMENTS = 64, 15

START_OF_JPEG, START_OF_JPEG_2000, BOX_OF_JPEG_2000 = b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "
"""First bytes of a stream; JP2 puts a box around one."""

END_OF_IMAGE = b"\xff\xd9"
"""Last bytes of a stream of JPEG, JPEG-LS or JPEG 2000; no two bytes of compressed data look like that."""

NEXT_STREAM = re.compile(rb"\xff\xd9\0*(\xff\xd8\xff|\xff\x4f\xff\x51)")
"""The end of a stream, padding, and the start of another."""

ITEM = b"\xfe\xff\x00\xe0"
"""Tag of an offset table or a fragment; compressed syntaxes are little endian."""


class Size(NamedTuple):
    """What a stream says of its image; `bits` a sample."""

    rows: int
    columns: int
    components: int
    bits: int
    is_signed: bool = False


def parse_codestream(
    pixel_data: bytes, syntax: uid.UID, *, rows: int, columns: int, bits_allocated: int, bits_stored: int
) -> int:
    """Read what a stream says of its image; another than the header describes, which is unsigned, is refused.

    Args:
        pixel_data: value of Pixel Data, compressed (PS3.5 A.4): an offset table, then the fragments of one frame.

    Returns:
        Bits a pixel that the stream states, which may be more or fewer than `bits_stored`; RLE states whole bytes.

    Raises:
        InputRefusedError: ``E_SIZE``, ``E_COLOUR``, ``E_BITS``, ``E_TRUNCATED`` for a stream without an end,
            ``E_MULTIFRAME`` for several streams, or ``E_COMPRESSION`` for one without such a header, of another method
            than the file says, or of one that is not read.
    """
    check_method(syntax)
    stream = join_fragments(pixel_data)
    said, found = _name_method(syntax), _detect_method(stream)
    if found and found != said:
        raise InputRefusedError("E_COMPRESSION", f"the stream is {found}, Transfer Syntax UID says {said}; convert it.")
    if syntax == uid.RLELossless:
        _check_rle(stream, bits_allocated // 8)
        return bits_allocated
    size = _read_jpeg_2000_size(stream) if syntax in JPEG_2000 else _read_jpeg_size(stream)
    if size is None:
        raise InputRefusedError("E_COMPRESSION", "the compressed stream has no header with its size; it is damaged.")
    if (size.rows, size.columns) != (rows, columns):
        reason = f"the stream is {size.rows} x {size.columns}, the header says {rows} x {columns}."
        raise InputRefusedError("E_SIZE", reason)
    if size.components != 1:
        raise InputRefusedError("E_COLOUR", f"the stream has {size.components} components; mammograms are grey.")
    if size.bits > bits_allocated:
        reason = f"the stream has {size.bits} bits a pixel, the header allocates {bits_allocated}."
        raise InputRefusedError("E_BITS", reason)
    if size.is_signed:
        raise InputRefusedError("E_BITS", "the stream has signed pixels, the header says that they are unsigned.")
    if size.bits <= 8 < bits_stored:  # a copy made for a screen: what its grey values mean is not known
        raise InputRefusedError("E_BITS", f"the stream has {size.bits} bits a pixel, the header says {bits_stored}.")
    _check_end(stream)
    return size.bits


def check_method(syntax: uid.UID) -> None:
    """Refuse a method that no decoder here knows, such as video.

    Raises:
        InputRefusedError: ``E_COMPRESSION``.
    """
    if syntax not in JPEG | JPEG_2000 | {uid.RLELossless}:
        raise InputRefusedError("E_COMPRESSION", f"{syntax.name} is not read; convert it to a lossless JPEG or none.")


def join_fragments(pixel_data: bytes) -> bytes:
    """The stream of a single frame out of its fragments (PS3.5 A.4), which may be cut anywhere, in its header too.

    Raises:
        InputRefusedError: ``E_COMPRESSION``: there is none, or a fragment is not whole.
    """
    pixel_data = with_offset_table(pixel_data)
    fragments, position = [], 0
    while (start := position + 8) <= len(pixel_data) and pixel_data[position : position + 4] == ITEM:
        position = start + int.from_bytes(pixel_data[position + 4 : start], "little")
        fragments.append(pixel_data[start:position])
    if not any(fragments[1:]) or position > len(pixel_data):  # the first is the offset table
        raise InputRefusedError("E_COMPRESSION", "Pixel Data holds no compressed stream.")
    return b"".join(fragments[1:])


def with_offset_table(pixel_data: bytes) -> bytes:
    """Pixel Data with an empty offset table in front, where a writer began with the stream itself (PS3.5 A.4)."""
    return pixel_data if _detect_method(pixel_data[8 : 8 + RLE_HEADER_BYTES]) is None else ITEM + bytes(4) + pixel_data


def _name_method(syntax: uid.UID) -> str:
    if syntax == uid.RLELossless:
        return "RLE"
    if syntax in JPEG_2000:
        return "JPEG 2000"
    return "JPEG-LS" if syntax in JPEG_LS else "JPEG"


def _detect_method(stream: bytes) -> str | None:
    """The method of a stream by its first bytes and its frame header, None where they are those of none."""
    if stream.startswith((START_OF_JPEG_2000, BOX_OF_JPEG_2000)):
        return "JPEG 2000"
    if stream.startswith(START_OF_JPEG):
        frame = _find_jpeg_frame(stream)
        return "JPEG-LS" if frame and frame[0] == JPEG_LS_FRAME else "JPEG"
    if len(stream) >= RLE_HEADER_BYTES:
        count, first = struct.unpack_from("<2I", stream)
        return "RLE" if 0 < count <= MOST_RLE_SEGMENTS and first == RLE_HEADER_BYTES else None
    return None


def _check_end(stream: bytes) -> None:
    """Refuse a stream that was cut, which some decoders fill up with grey, and another behind it."""
    if END_OF_IMAGE not in stream:
        raise InputRefusedError("E_TRUNCATED", "the compressed stream has no end; copy the file again.")
    if NEXT_STREAM.search(stream):
        raise InputRefusedError("E_MULTIFRAME", "Pixel Data holds several streams, the header says one frame.")


def _read_jpeg_size(stream: bytes) -> Size | None:
    """Size in the first frame header, None where the markers do not lead to one."""
    frame = _find_jpeg_frame(stream)
    if frame is None:
        return None
    bits, rows, columns, components = struct.unpack_from(">BHHB", stream, frame[1] + 4)
    return Size(rows, columns, components, bits)


def _find_jpeg_frame(stream: bytes) -> tuple[int, int] | None:
    """Marker of the first frame header and its offset, None where the markers do not lead to one."""
    if stream[:2] != b"\xff\xd8":
        return None
    position = 2
    while position + 4 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker == 0xFF or marker in WITHOUT_LENGTH:  # fill bytes
            position += 1 if marker == 0xFF else 2
            continue
        if marker in START_OF_FRAME and position + 10 <= len(stream):
            return marker, position
        position += 2 + max(2, int.from_bytes(stream[position + 2 : position + 4], "big"))
    return None


def _read_jpeg_2000_size(stream: bytes) -> Size | None:
    """Size in the SIZ marker, with or without a JP2 box around the stream."""
    start = stream[:4096].find(START_OF_JPEG_2000)
    if start < 0 or len(stream) < start + 43:
        return None
    columns, rows, left, top = struct.unpack_from(">4I", stream, start + 8)
    components, precision = struct.unpack_from(">HB", stream, start + 40)
    return Size(rows - top, columns - left, components, (precision & 0x7F) + 1, is_signed=precision > 0x7F)


def _check_rle(stream: bytes, bytes_a_pixel: int) -> None:
    """RLE names no size, but as many segments as a pixel has bytes, one behind the other."""
    if len(stream) < RLE_HEADER_BYTES:
        raise InputRefusedError("E_COMPRESSION", "the RLE stream is shorter than its header; it is damaged.")
    count, *offsets = struct.unpack_from("<16I", stream)
    bounds = [*offsets[:bytes_a_pixel], len(stream)]
    if count != bytes_a_pixel and 0 < count <= MOST_RLE_SEGMENTS:
        reason = f"the RLE stream has {count} bytes a pixel, the header allocates {bytes_a_pixel}."
        raise InputRefusedError("E_BITS", reason)
    if count != bytes_a_pixel or bounds[0] != RLE_HEADER_BYTES or bounds != sorted(set(bounds)):
        raise InputRefusedError("E_COMPRESSION", "the RLE stream has a header that cannot be; it is damaged.")
