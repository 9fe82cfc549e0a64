"""Compressed pixels without what else their stream holds: comments, application data, bytes behind its end.

Markers of JPEG: ITU-T T.81 B.1; of JPEG-LS: T.87 C.1; of JPEG 2000: T.800 A; RLE: PS3.5 G. Comments are blanked where
they stand, so that no length and no offset changes.
"""

import re
import struct

from pydicom import uid
from pydicom.encaps import encapsulate

from mammoseg.border import refused_as
from mammoseg.dicom.codestream import JPEG_2000, RLE_HEADER_BYTES, START_OF_FRAME, WITHOUT_LENGTH, join_fragments

JPEG_KEPT = START_OF_FRAME | {0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xF8}
"""Segments that a decoder of JPEG or JPEG-LS needs: frames, tables, scans, number of lines, restarts, parameters."""

NEXT_MARKER = re.compile(rb"\xff(?=[\x80-\xcf\xd8-\xfe])")
"""What ends the data of a scan; restarts do not, and in JPEG-LS a byte below 80 behind FF is data."""

JPEG_2000_KEPT = {*range(0x50, 0x64)}
"""Segments of JPEG 2000 that describe the image; 64 is the comment."""

START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
START_OF_TILE, START_OF_DATA = 0x90, 0x93


def without_text(pixel_data: bytes, syntax: uid.UID, *, pixels: int) -> bytes:
    """Pixel Data of one frame in one fragment, the same in every pixel, that holds nothing but pixels.

    Args:
        pixel_data: value of Pixel Data, compressed.
        pixels: rows times columns.

    Raises:
        InputRefusedError: ``E_COMPRESSION``: the stream cannot be followed to its end.
    """
    stream = bytearray(join_fragments(pixel_data))
    with refused_as(
        "E_COMPRESSION", "the compressed stream cannot be followed to its end, so text in it cannot be found."
    ):
        if syntax == uid.RLELossless:
            _blank_rle(stream, pixels)
        elif syntax in JPEG_2000:
            _cut_to_codestream(stream)
            _blank_jpeg_2000(stream)
        else:
            _blank_jpeg(stream)
    return encapsulate([bytes(stream)])


def _blank_jpeg(stream: bytearray) -> None:
    position = _expect(stream, 0, b"\xff\xd8")
    while True:
        if stream[position] != 0xFF:
            raise IndexError("no marker where one must be")
        marker = stream[position + 1]
        if marker == END_OF_IMAGE:
            del stream[position + 2 :]
            return
        if marker == 0xFF or marker in WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
            continue
        end = _blank_unless(marker in JPEG_KEPT, stream, position + 2)
        if marker == START_OF_SCAN:
            found = NEXT_MARKER.search(stream, end)
            if found is None:
                raise IndexError("a scan without an end")
            end = found.start()
        position = end


def _cut_to_codestream(stream: bytearray) -> None:
    """Take away the boxes of a JP2 file around the codestream."""
    start = stream.find(b"\xff\x4f\xff\x51")
    if start < 0:
        raise IndexError("no codestream")
    del stream[:start]


def _blank_jpeg_2000(stream: bytearray) -> None:
    position = _blank_segments(stream, _expect(stream, 0, b"\xff\x4f"), START_OF_TILE)
    while stream[position : position + 2] == b"\xff\x90":
        (length,) = struct.unpack_from(">I", stream, position + 6)
        data = _blank_segments(stream, position + 12, START_OF_DATA)
        if length == 0:  # up to the end of the codestream, T.800 A.4.2; no two bytes of data look like that
            length = stream.index(b"\xff\xd9", data) - position
        if position + length <= data:
            raise IndexError("a part of a tile that is shorter than its header")
        position += length
    _expect(stream, position, b"\xff\xd9")
    del stream[position + 2 :]


def _blank_segments(stream: bytearray, position: int, last: int) -> int:
    """Walk segments up to the marker `last`, and return where that stands."""
    while stream[position + 1] != last:
        if stream[position] != 0xFF:
            raise IndexError("no marker where one must be")
        position = _blank_unless(stream[position + 1] in JPEG_2000_KEPT, stream, position + 2)
    return position


def _blank_unless(is_kept: bool, stream: bytearray, position: int) -> int:
    """Put zeros into the segment whose length stands at `position`, and return its end."""
    (length,) = struct.unpack_from(">H", stream, position)
    end = position + max(2, length)
    if end > len(stream):
        raise IndexError("a segment that overruns the stream")
    if not is_kept:
        stream[position + 2 : end] = bytes(end - position - 2)
    return end


def _blank_rle(stream: bytearray, pixels: int) -> None:
    """Blank unused offsets, and what stands behind the last run that a segment needs."""
    count, *offsets = struct.unpack_from("<16I", stream)
    stream[4 + 4 * count : RLE_HEADER_BYTES] = bytes(RLE_HEADER_BYTES - 4 - 4 * count)
    for start, end in zip(offsets[:count], [*offsets[1:count], len(stream)], strict=True):
        position, decoded = start, 0
        while decoded < pixels:
            control = stream[position]
            if control < 128:
                position, decoded = position + control + 2, decoded + control + 1
            elif control > 128:
                position, decoded = position + 2, decoded + 257 - control
            else:
                position += 1
        if position > end:
            raise IndexError("a segment that overruns the next one")
        stream[position:end] = bytes(end - position)


def _expect(stream: bytearray, position: int, marker: bytes) -> int:
    if stream[position : position + 2] != marker:
        raise IndexError("no marker where one must be")
    return position + 2
