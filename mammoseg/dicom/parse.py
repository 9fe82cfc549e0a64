"""From the bytes of a file to a data set, once its structure is known to be sound."""

import logging
import stat
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom import uid
from pydicom.dataset import Dataset

from mammoseg.border import refused_as
from mammoseg.dicom.codestream import END_OF_IMAGE
from mammoseg.dicom.complete import complete
from mammoseg.dicom.elements import MOST_ELEMENTS, PIXEL_DATA, Encoding, read_element
from mammoseg.errors import InputRefusedError
from mammoseg.files import make_no_file_error, make_unreadable_error

logger = logging.getLogger(__name__)

MOST_BYTES = 2**29
"""Longest file that is read: twice the largest image that is let in."""

PEEKED_BYTES = 512
"""First bytes of a file, enough to tell its format."""

MOST_INFLATED_BYTES = 2**27
"""Longest data set that a deflated file may hold: twice a mammogram of 32 megapixels of 16 bits."""

META_START = 132
"""Where the File Meta Information begins: behind the preamble and DICM, PS3.10 7.1."""

META_GROUP, TRANSFER_SYNTAX = 0x0002, (0x0002, 0x0010)

EXPLICIT_LITTLE = Encoding(is_implicit=False, is_little_endian=True)

DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
"""Sequence Delimitation Item in little endian, PS3.5 A.4."""

PROGRAM_SIGNATURES = (b"MZ", b"\x7fELF", b"#!")
"""First bytes of programs; a preamble that begins so makes one file both image and program (CVE-2019-11687)."""


def open_dicom(path: Path) -> Dataset:
    """Parse a file, and refuse what pydicom would hand over half read.

    Raises:
        InputRefusedError: as `read_bytes` and `parse_dicom`.
    """
    return parse_dicom(read_bytes(path))


def parse_dicom(content: bytes) -> Dataset:
    """Parse the bytes of a file, and refuse what pydicom would hand over half read.

    Raises:
        InputRefusedError: ``E_NOT_DICOM``, ``E_TRUNCATED``, ``E_COMPRESSION``, ``E_NESTING``, ``E_DEFLATE``,
            ``E_SIZE``.
    """
    if content[META_START - 4 : META_START] != b"DICM":
        raise InputRefusedError("E_NOT_DICOM", "this is no DICOM file (part 10, with preamble).")
    if content.startswith(PROGRAM_SIGNATURES):
        logger.warning("the preamble is that of a program; it is not passed on")
    syntax, body = _read_meta(content)
    if syntax.is_deflated:
        end = len(content)
        _trace_elements(_inflate(content[body:]), 0, syntax)
        is_open = False
    else:
        end, is_open = _trace_elements(content, body, syntax)
    if is_open:
        logger.warning("the compressed pixels end without a delimiter, but as a whole; one is put in")
    elif end < len(content):
        logger.warning("%d bytes behind the last element are left out", len(content) - end)
    if is_open or end < len(content):
        content = content[:end] + DELIMITER * is_open
    return complete(_parse(content))


def read_bytes(path: Path, *, check_head: Callable[[bytes], object] | None = None) -> bytes:
    """Read a file as it stands at one moment; one that changes meanwhile is read once more.

    Args:
        check_head: called with the first `PEEKED_BYTES`; what it raises spares reading the rest.

    Raises:
        InputRefusedError: ``E_NOT_A_FILE``, ``E_SIZE``, and ``E_TRUNCATED`` for one that changes again.
    """
    for _ in range(2):
        try:
            before = path.stat()
            if not stat.S_ISREG(before.st_mode):  # a pipe or a device would be read for ever
                raise make_no_file_error()
            with path.open("rb") as file:
                if check_head is not None:
                    check_head(file.read(PEEKED_BYTES))
                    file.seek(0)
                if before.st_size > MOST_BYTES:
                    reason = f"the file has {before.st_size >> 20} MiB; {MOST_BYTES >> 20} are read."
                    raise InputRefusedError("E_SIZE", reason)
                content = file.read()
            after = path.stat()
        except OSError as error:
            raise make_unreadable_error(error) from error
        if before.st_size == len(content) == after.st_size and before.st_mtime_ns == after.st_mtime_ns:
            return content
    raise InputRefusedError("E_TRUNCATED", "the file changes while it is read; wait until it is complete.")


def _read_meta(content: bytes) -> tuple[uid.UID, int]:
    """Transfer syntax, and the offset of the first element that is not of the File Meta Information."""
    position, named = META_START, b""
    while int.from_bytes(content[position : position + 2], "little") == META_GROUP:
        element = read_element(content, position, EXPLICIT_LITTLE)
        if element.tag == TRANSFER_SYNTAX:
            named = content[element.value : element.end]
        position = element.end
    if position == len(content):
        raise InputRefusedError("E_NOT_DICOM", "the file has the preamble of DICOM and no data set.")
    syntax = uid.UID(named.decode("latin-1").rstrip("\0 "))
    if not syntax:
        raise InputRefusedError("E_COMPRESSION", "Transfer Syntax UID is absent or empty; convert the file.")
    if not syntax.is_transfer_syntax or syntax.is_private:
        raise InputRefusedError("E_COMPRESSION", "Transfer Syntax UID is unknown; convert the file.")
    return syntax, position


def _inflate(deflated: bytes) -> bytes:
    """Inflate a data set (PS3.5 A.5), never to more than is let in."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = stream.decompress(deflated, MOST_INFLATED_BYTES + 1)
    except zlib.error as error:
        raise InputRefusedError("E_COMPRESSION", "the deflated data set is damaged; copy the file again.") from error
    if len(data) > MOST_INFLATED_BYTES:
        reason = f"the deflated data set inflates to more than {MOST_INFLATED_BYTES >> 20} MiB."
        raise InputRefusedError("E_DEFLATE", reason)
    if not stream.eof:
        raise InputRefusedError("E_TRUNCATED", "the deflated data set ends too soon; copy the file again.")
    return data


def _trace_elements(data: bytes, start: int, syntax: uid.UID) -> tuple[int, bool]:
    """Walk all elements, and say where the last one ends, and whether that is compressed pixels without a delimiter.

    Behind Pixel Data, what is no element is no part of it.
    """
    encoding = Encoding(syntax.is_implicit_VR, syntax.is_little_endian)
    position, has_pixels, last = start, False, (0, 0)
    for _ in range(MOST_ELEMENTS):
        if position == len(data) or (has_pixels and not _is_behind_pixels(data, position, encoding)):
            return position, False
        element = read_element(data, position, encoding)
        if element.tag <= last:  # PS3.5 7.1: tags ascend; a damaged one would be lost among others
            raise InputRefusedError("E_NOT_DICOM", "the file starts like DICOM, but its elements are out of order.")
        last = element.tag
        if element.tag == PIXEL_DATA:
            has_pixels = True
            if element.is_undefined != syntax.is_compressed:
                reason = "Pixel Data is packed as for another Transfer Syntax UID than that of the file; convert it."
                raise InputRefusedError("E_COMPRESSION", reason)
            if element.is_open:
                _check_stream_has_end(data[element.value : element.end], syntax)
                return element.end, True
        position = element.end
    raise InputRefusedError("E_NOT_DICOM", f"the file starts like DICOM, but has more than {MOST_ELEMENTS} elements.")


def _check_stream_has_end(pixel_data: bytes, syntax: uid.UID) -> None:
    """Refuse fragments without a delimiter after which others may have stood; the one of RLE is all (PS3.5 A.4.2)."""
    if syntax != uid.RLELossless and not pixel_data.rstrip(b"\0").endswith(END_OF_IMAGE):
        reason = "the compressed pixels have neither a delimiter nor the end of their stream; copy the file again."
        raise InputRefusedError("E_TRUNCATED", reason)


def _is_behind_pixels(data: bytes, position: int, encoding: Encoding) -> bool:
    """Whether a tag stands there that may follow Pixel Data, since tags ascend (PS3.5 7.1)."""
    order = "<" if encoding.is_little_endian else ">"
    return len(data) - position >= 8 and PIXEL_DATA < struct.unpack_from(f"{order}HH", data, position) < (0xFFFE, 0)


def _parse(content: bytes) -> Dataset:
    """Run pydicom's parser and give its many errors names."""
    with refused_as("E_NOT_DICOM", "the file starts like DICOM, but cannot be parsed."):
        try:
            return pydicom.dcmread(BytesIO(content))
        except (EOFError, struct.error) as error:
            raise InputRefusedError("E_TRUNCATED", "the file ends inside an element; copy it again.") from error
        except RecursionError as error:
            raise InputRefusedError("E_NESTING", "sequences are nested too deep to be meant.") from error
