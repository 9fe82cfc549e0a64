"""Elements built byte by byte; lengths and ends are counted by hand."""

import pytest

from mammoseg.dicom.elements import MOST_NESTED, Element, Encoding, read_element
from mammoseg.errors import InputRefusedError

EXPLICIT, IMPLICIT, BIG = Encoding(False, True), Encoding(True, True), Encoding(False, False)
OPEN_ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
ITEM_END, SEQUENCE_END = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
NAME = b"\x10\0\x10\0PN\x04\0A^B "
OPEN_SEQUENCE = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff"


def item(content):
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content


def sequence(content, vr=b"SQ"):
    return b"\x08\0\x40\x11" + vr + b"\0\0" + len(content).to_bytes(4, "little") + content


def implicit_sequence(content):
    return b"\x08\0\x40\x11" + len(content).to_bytes(4, "little") + content


PIXELS = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff"
ENDS_OF_FRAGMENTS = (12, 20, 32)
"""Where a cut leaves whole fragments without a delimiter: before any, behind the offset table, behind ``abcd``."""

WHOLE = {
    "short form": (NAME, EXPLICIT, Element((0x10, 0x10), 8, 12, False)),
    "long form": (b"\x01\0\x10\0OB\0\0\x02\0\0\0ab", EXPLICIT, Element((1, 0x10), 12, 14, False)),
    "implicit": (b"\x10\0\x10\0\x04\0\0\0A^B ", IMPLICIT, Element((0x10, 0x10), 8, 12, False)),
    "big endian": (b"\0\x10\0\x10PN\0\x04A^B ", BIG, Element((0x10, 0x10), 8, 12, False)),
    "sequence with lengths": (sequence(item(NAME)), EXPLICIT, Element((8, 0x1140), 12, 32, False)),
    "sequence with delimiters": (
        OPEN_SEQUENCE + OPEN_ITEM + NAME + ITEM_END + SEQUENCE_END,
        EXPLICIT,
        Element((8, 0x1140), 12, 48, True),
    ),
    "empty sequence": (sequence(b""), EXPLICIT, Element((8, 0x1140), 12, 12, False)),
    "fragments": (
        PIXELS + item(b"") + item(b"abcd") + SEQUENCE_END,
        EXPLICIT,
        Element((0x7FE0, 0x10), 12, 40, True),
    ),
}


@pytest.mark.parametrize(("data", "encoding", "expected"), WHOLE.values(), ids=WHOLE)
def test_an_element_ends_where_its_last_byte_is(data, encoding, expected):
    assert read_element(data, 0, encoding) == expected
    assert read_element(data + b"more", 0, encoding) == expected


@pytest.mark.parametrize(("data", "encoding", "_"), WHOLE.values(), ids=WHOLE)
def test_every_cut_is_truncated(data, encoding, _):
    for length in range(len(data)):
        if data.startswith(PIXELS) and length in ENDS_OF_FRAGMENTS:
            continue
        with pytest.raises(InputRefusedError, match="E_TRUNCATED"):
            read_element(data[:length], 0, encoding)


@pytest.mark.parametrize("end", [12, 20, 32])
def test_fragments_that_end_with_the_file_are_open(end):
    fragments = PIXELS + item(b"") + item(b"abcd")
    assert read_element(fragments[:end], 0, EXPLICIT) == Element((0x7FE0, 0x10), 12, end, True, is_open=True)


@pytest.mark.parametrize(
    "behind",
    [b"\xfe\xff\xdd\xe0\xff\xff\xff\xff", bytes(8), bytes(3), bytes(500), b"\xfc\xff\xfc\xffOB\0\0\x02\0\0\0ab"],
    ids=["delimiter of no length", "zeros", "a few zeros", "many zeros", "Data Set Trailing Padding"],
)
def test_fragments_are_open_where_something_else_than_their_delimiter_follows(behind):
    fragments = PIXELS + item(b"") + item(b"abcd")
    assert read_element(fragments + behind, 0, EXPLICIT) == Element((0x7FE0, 0x10), 12, 32, True, is_open=True)


def test_fragments_with_anything_else_behind_them_are_damaged():
    with pytest.raises(InputRefusedError, match="E_COMPRESSION"):
        read_element(PIXELS + item(b"") + item(b"abcd") + b"\x10\0\x10\0PN\x04\0A^B ", 0, EXPLICIT)


@pytest.mark.parametrize(
    ("build", "encoding"),
    [
        (lambda inner: sequence(item(inner)), EXPLICIT),
        (lambda inner: OPEN_SEQUENCE + OPEN_ITEM + inner + ITEM_END + SEQUENCE_END, EXPLICIT),
        (lambda inner: implicit_sequence(item(inner)), IMPLICIT),
    ],
    ids=["lengths", "delimiters", "implicit"],
)
def test_thirty_levels_are_let_in_and_one_more_is_not(build, encoding):
    data = b""
    for _ in range(MOST_NESTED):
        data = build(data)
    assert read_element(data, 0, encoding).end == len(data)
    with pytest.raises(InputRefusedError, match="E_NESTING"):
        read_element(build(data), 0, encoding)


def test_a_sequence_hidden_in_an_unknown_value_is_looked_into():
    inner = b""
    for _ in range(MOST_NESTED):
        inner = implicit_sequence(item(inner))
    with pytest.raises(InputRefusedError, match="E_NESTING"):
        read_element(sequence(item(inner), vr=b"UN"), 0, EXPLICIT)


def test_an_item_that_is_longer_than_its_sequence_is_truncated():
    with pytest.raises(InputRefusedError, match="E_TRUNCATED"):
        read_element(sequence(b"\xfe\xff\x00\xe0\x04\0\0\0ab") + b"cdefgh", 0, EXPLICIT)


MALFORMED = {
    "no value representation": b"\x10\0\x10\0??\x04\0A^B ",
    "a text without length": b"\x10\0\x10\0UT\0\0\xff\xff\xff\xff",
    "an element between items": sequence(NAME),
    "an item outside of a sequence": item(b"abcd"),
    "a delimiter that closes nothing": ITEM_END,
    "a delimiter with a length": OPEN_SEQUENCE + OPEN_ITEM + b"\xfe\xff\x0d\xe0\x04\0\0\0abcd" + SEQUENCE_END,
    "the wrong delimiter": OPEN_SEQUENCE + ITEM_END,
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_element_is_refused(data):
    with pytest.raises(InputRefusedError, match="E_NOT_DICOM"):
        read_element(data, 0, EXPLICIT)


@pytest.mark.parametrize("inside", [OPEN_ITEM, NAME], ids=["no length", "no item"])
def test_fragments_that_do_not_follow_each_other_are_a_damaged_stream(inside):
    with pytest.raises(InputRefusedError, match="E_COMPRESSION"):
        read_element(b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + inside + SEQUENCE_END, 0, EXPLICIT)


def test_an_element_of_300000_items_is_refused_before_all_are_read():
    with pytest.raises(InputRefusedError, match="E_NOT_DICOM: .*more than 200000"):
        read_element(sequence(item(b"") * 300_000), 0, EXPLICIT)
