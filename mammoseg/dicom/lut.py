"""Tables of grey values as the items of Modality and VOI LUT Sequence hold them, PS3.3 C.11.1.1 and C.11.2.1.1."""

import logging
from typing import Any, NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from mammoseg.errors import InputRefusedError

logger = logging.getLogger(__name__)

MOST_ENTRIES = 2**16
"""Entries that LUT Descriptor writes as 0."""

FEWEST_BITS, MOST_BITS = 8, 16
"""Bits an entry that the standard knows; which of them depends on the kind of image, and readers take them all."""


class Table(NamedTuple):
    """A look-up table.

    Attributes:
        first: input value that the first entry belongs to; smaller ones are mapped to it too, PS3.3 C.11.2.1.1.
        entries: output values, int64 ``(n,)``.
        bits: bits of an entry, as the descriptor says.
    """

    first: int
    entries: np.ndarray
    bits: int

    def look_up(self, values: np.ndarray) -> np.ndarray:
        """Entries for `values`, which are rounded: a table is indexed by whole numbers."""
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        return self.entries[index.astype(np.intp)]


def read_lut(item: Dataset, code: str, *, is_signed: bool, is_little_endian: bool) -> Table:
    """Read one item.

    Args:
        code: code of a refusal.
        is_signed: whether an input value can be negative; the first value mapped is then signed, whatever its value
            representation.
        is_little_endian: byte order of the file.

    Raises:
        InputRefusedError: `code`: the item lacks its descriptor or data, or one contradicts the other.
    """
    for keyword, name in (("LUTDescriptor", "LUT Descriptor"), ("LUTData", "LUT Data")):
        if item.get(keyword) in (None, b"", []):
            raise InputRefusedError(code, f"{name} is absent from an item of a LUT sequence.")
    descriptor = item["LUTDescriptor"]
    if descriptor.VM != 3:
        raise InputRefusedError(code, f"LUT Descriptor has {descriptor.VM} values, not 3.")
    count, first, bits = (int(value) & 0xFFFF for value in descriptor.value)
    if (is_signed or descriptor.VR == "SS") and first > 0x7FFF:
        first -= 0x10000
    if not FEWEST_BITS <= bits <= MOST_BITS:
        raise InputRefusedError(code, f"LUT Descriptor says {bits} bits an entry; {FEWEST_BITS} to {MOST_BITS} exist.")
    entries = _unpack(_read_words(item["LUTData"], is_little_endian), count or MOST_ENTRIES, bits, code)
    if entries.max() >= 1 << bits:
        logger.warning("a LUT has entries of more than the %d bits that its descriptor says; they are used", bits)
    return Table(first, entries.astype(np.int64), bits)


def _read_words(data: Any, is_little_endian: bool) -> np.ndarray:
    """LUT Data as 16-bit words; what is OW comes as the bytes of the file."""
    if isinstance(data.value, bytes):
        return np.frombuffer(data.value, "<u2" if is_little_endian or data.VR == "OB" else ">u2")
    return np.array(data.value, np.int64, ndmin=1).astype(np.uint16)


def _unpack(words: np.ndarray, count: int, bits: int, code: str) -> np.ndarray:
    """Entries out of words: two a word where they have 8 bits and the length says so, first the low byte.

    Old files have 8-bit entries one a word (PS3.3 C.11.2.1.1, note).
    """
    if len(words) == count:
        return words
    if bits == 8 and len(words) == (count + 1) // 2:
        return words.astype("<u2").view(np.uint8)[:count]
    raise InputRefusedError(code, f"LUT Data has {2 * len(words)} bytes, which are not {count} entries of {bits} bits.")
