"""What an ONNX file holds besides numbers, looked into without loading it: no package but Python's own is needed."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from mammoseg.files import as_printable

MOST_BYTES = 2**31
"""Longest file that is looked into; no longer one is a message of protobuf."""

MOST_FIELDS = 5_000_000
"""Most parts of a file that are looked at."""

DEEPEST = 50
"""Most messages within one another; a graph in a graph is three further down."""

KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Operators that a runtime has by itself."""

PARTS = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute", 7: "domain"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {13: "elsewhere"},
}
"""Fields of a message that matter here, by their numbers in ``onnx.proto``; all others are skipped unread."""

VARINT, BYTES, FIXED = 0, 2, {1: 8, 5: 4}
"""Kinds of a field in protobuf; those of a fixed length with it."""


def find_faults_in_onnx(path: Path) -> Iterator[str]:
    """Why an ONNX model is not run: it reads other files, or names operators that no runtime has by itself."""
    if path.stat().st_size > MOST_BYTES:
        yield f"has more than {MOST_BYTES:,} bytes"
        return
    graphs, files, domains = 0, set(), set()
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            reader = _Reader(content)
            for part, begin, end in reader.list_parts("model", 0, len(content)):
                graphs += part == "graph"
                if part == "domain":
                    domains.add(reader.read_text(begin, end))
                elif part == "elsewhere":  # key and value, such as location and a path, or offset and a number
                    texts = {number: reader.read_text(*place) for number, *place in reader.list_fields(begin, end)}
                    files |= {texts.get(2, "")} if texts.get(1) == "location" else set()
    except ValueError:  # also of mmap, for a file without bytes
        graphs = 0
    if not graphs:
        yield "is no ONNX model"
        return
    yield from (f"reads its numbers from another file, '{name}'" for name in sorted(files))
    foreign = sorted(domains.difference(KNOWN_DOMAINS))
    yield from (f"needs operators of '{domain}', which are code of a stranger" for domain in foreign)


class _Reader:
    """Messages of protobuf.

    Args:
        content: bytes of a file.
    """

    def __init__(self, content: mmap.mmap) -> None:
        self._content, self._left = content, MOST_FIELDS

    def list_parts(self, message: str, begin: int, end: int, *, depth: int = 0) -> Iterator[tuple[str, int, int]]:
        """Name, begin and end of each part of a message in `PARTS`, and of the parts of these.

        Raises:
            ValueError: the bytes are no message, or one with too many parts.
        """
        if depth > DEEPEST:
            raise ValueError("too deep")
        for number, start, stop in self.list_fields(begin, end):
            if part := PARTS[message].get(number):
                yield part, start, stop
                if part in PARTS:
                    yield from self.list_parts(part, start, stop, depth=depth + 1)

    def list_fields(self, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Number, begin and end of each field of a message that holds text, bytes or a message.

        Raises:
            ValueError: the bytes are no message, or the file has too many parts.
        """
        while begin < end:
            key, begin = self._read_varint(begin)
            kind, start = key & 7, begin
            if kind == VARINT:
                _, begin = self._read_varint(begin)
            elif kind == BYTES:
                length, start = self._read_varint(begin)
                begin = start + length
            elif kind in FIXED:
                begin += FIXED[kind]
            else:
                raise ValueError("no kind of a field")
            self._left -= 1
            if self._left < 0 or begin > end:
                raise ValueError("too many fields, or one that is too long")
            if kind == BYTES:
                yield key >> 3, start, begin

    def read_text(self, begin: int, end: int) -> str:
        """Text between two places for a person, its first 1,000 bytes."""
        return as_printable(self._content[begin : min(end, begin + 1000)].decode(errors="replace"))

    def _read_varint(self, place: int) -> tuple[int, int]:
        """A number and where it ends."""
        value = 0
        for count in range(10):
            if place + count >= len(self._content):
                break
            byte = self._content[place + count]
            value |= (byte & 127) << 7 * count
            if byte < 128:
                return value, place + count + 1
        raise ValueError("a number without end")
