"""One element of a DICOM file and all that it holds, as the bytes say it is: no recursion, no length believed.

PS3.5 7.1 (elements), 7.5 (sequences) and A.4 (fragments of compressed pixels).
"""

import struct
from enum import Enum
from typing import NamedTuple

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR

from mammoseg.errors import InputRefusedError

MOST_NESTED = 30
"""Sequences inside each other; real files have fewer than 10, and from 50 on some archives die."""

MOST_ELEMENTS = 200_000
"""Elements and items in one; real mammograms have hundreds in all."""

UNDEFINED = 0xFFFFFFFF
"""Length of what ends with a delimiter, PS3.5 7.5.1."""

PIXEL_DATA = (0x7FE0, 0x0010)
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)

LONG_FORM = {vr.encode() for vr in EXPLICIT_VR_LENGTH_32}
"""Value representations with a length of four bytes, PS3.5 7.1.2."""

KNOWN_VR = {vr.encode() for vr in STANDARD_VR}


class Encoding(NamedTuple):
    """How a transfer syntax writes elements: without value representations (PS3.5 7.1.3), and in which byte order."""

    is_implicit: bool
    is_little_endian: bool


class Element(NamedTuple):
    """An element that is whole.

    Attributes:
        tag: group and element number.
        value: offset of its value.
        end: offset behind its value, and behind its delimiter where it has one.
        is_undefined: it states no length, and holds items or fragments.
        is_open: it is compressed pixels whose fragments are whole, but followed by no sound delimiter; `end` is behind
            the last fragment.
    """

    tag: tuple[int, int]
    value: int
    end: int
    is_undefined: bool
    is_open: bool = False


class _Holds(Enum):
    ELEMENTS = "a data set or an item"
    ITEMS = "a sequence"
    FRAGMENTS = "compressed pixels"


class _Level(NamedTuple):
    """A container that is open; without delimiter it ends at `end`, with one at the latest there."""

    holds: _Holds
    end: int
    has_delimiter: bool
    is_implicit: bool


class _Header(NamedTuple):
    tag: tuple[int, int]
    vr: bytes
    length: int
    value: int


def read_element(data: bytes, start: int, encoding: Encoding) -> Element:
    """Read the outermost element at `start` down to its deepest item, and say where it ends.

    Args:
        data: the whole file.

    Raises:
        InputRefusedError: ``E_TRUNCATED``, ``E_NESTING``, or ``E_NOT_DICOM`` for what is no element.
    """
    levels = [_Level(_Holds.ELEMENTS, len(data), False, encoding.is_implicit)]
    position = start
    outermost: _Header | None = None
    for _ in range(MOST_ELEMENTS):
        if outermost and outermost.tag == PIXEL_DATA and len(levels) == 2 and _lacks_delimiter(data, position):
            return Element(outermost.tag, outermost.value, position, is_undefined=True, is_open=True)
        header = _read_header(data, position, levels[-1], encoding)
        outermost = outermost or header
        if inner := _open_level(data, header, levels[-1]):
            levels.append(inner)
            position = header.value
        else:
            position = header.value + header.length
        if header.tag in (ITEM_END, SEQUENCE_END):
            levels.pop()
        if len(levels) > 2 * MOST_NESTED + 1:
            raise InputRefusedError("E_NESTING", f"sequences are nested more than {MOST_NESTED} deep.")
        while len(levels) > 1 and not levels[-1].has_delimiter and position == levels[-1].end:
            levels.pop()
        if len(levels) == 1:
            return Element(outermost.tag, outermost.value, position, outermost.length == UNDEFINED)
    raise _make_malformed_error(f"one element holds more than {MOST_ELEMENTS} others")


def _read_header(data: bytes, position: int, level: _Level, encoding: Encoding) -> _Header:
    """Read tag, value representation and length where `level` allows them; what is implicit has ``UN``."""
    order = "<" if encoding.is_little_endian else ">"
    if position + 8 > level.end:
        raise _make_truncated_error()
    group, number, length = struct.unpack_from(f"{order}HHI", data, position)
    tag, vr, value = (group, number), b"UN", position + 8
    if group == ITEM[0]:
        closing = ITEM_END if level.holds is _Holds.ELEMENTS else SEQUENCE_END
        if not (tag == closing and level.has_delimiter and length == 0) and (
            tag != ITEM or level.holds is _Holds.ELEMENTS
        ):
            raise _make_malformed_error("an item or a delimiter stands where none can be")
        if level.holds is _Holds.FRAGMENTS and length == UNDEFINED:
            raise _make_damaged_stream_error()
    elif level.holds is _Holds.FRAGMENTS:
        raise _make_damaged_stream_error()
    elif level.holds is _Holds.ITEMS:
        raise _make_malformed_error("something else than items stands in a sequence")
    elif not level.is_implicit:
        vr = data[position + 4 : position + 6]
        if vr not in KNOWN_VR:
            raise _make_malformed_error("an element has no value representation of DICOM")
        if vr in LONG_FORM:
            value = position + 12
            if value > level.end:
                raise _make_truncated_error()
            (length,) = struct.unpack_from(f"{order}I", data, position + 8)
        else:
            (length,) = struct.unpack_from(f"{order}H", data, position + 6)
    if length != UNDEFINED and value + length > level.end:
        raise _make_truncated_error()
    return _Header(tag, vr, length, value)


def _open_level(data: bytes, header: _Header, level: _Level) -> _Level | None:
    """The container that an element or item opens, None where its value is one run of bytes."""
    is_undefined = header.length == UNDEFINED
    end = level.end if is_undefined else header.value + header.length
    if header.tag == ITEM:
        if level.holds is _Holds.FRAGMENTS:
            return None
        return _Level(_Holds.ELEMENTS, end, is_undefined, level.is_implicit)
    if is_undefined and (header.tag == PIXEL_DATA or header.vr in (b"OB", b"OW")):
        return _Level(_Holds.FRAGMENTS, end, True, level.is_implicit)
    if header.vr not in (b"SQ", b"UN"):
        if is_undefined:
            raise _make_malformed_error("an element that is no sequence has no length")
        return None
    # What is UN or implicit becomes a sequence for parsers whose dictionary says so; what begins like one is checked.
    if is_undefined or (header.length and (header.vr == b"SQ" or _begins_with_item(data, header.value))):
        return _Level(_Holds.ITEMS, end, is_undefined, level.is_implicit or header.vr == b"UN")  # PS3.5 6.2.2, note 2
    return None


def _lacks_delimiter(data: bytes, position: int) -> bool:
    """Whether the file, zeros, a later element or a delimiter with a length stand where fragments must be closed.

    Some programs write so; compressed pixels are little endian (PS3.5 A.4).
    """
    if len(data) - position < 8:
        return not any(data[position:])
    group, number, length = struct.unpack_from("<HHI", data, position)
    if (group, number) == SEQUENCE_END:
        return length != 0
    if (group, number) == (0, 0):
        return data.count(0, position) == len(data) - position
    return PIXEL_DATA < (group, number) < (ITEM[0], 0)


def _begins_with_item(data: bytes, position: int) -> bool:
    return data[position : position + 4] in (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


def _make_truncated_error() -> InputRefusedError:
    return InputRefusedError("E_TRUNCATED", "the file ends inside an element, or a length is wrong; copy it again.")


def _make_damaged_stream_error() -> InputRefusedError:
    return InputRefusedError("E_COMPRESSION", "the fragments of the compressed pixels do not follow each other.")


def _make_malformed_error(what: str) -> InputRefusedError:
    return InputRefusedError("E_NOT_DICOM", f"the file starts like DICOM, but {what}.")
