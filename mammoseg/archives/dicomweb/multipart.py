"""Messages of several parts (multipart/related, RFC 2387), in which DICOMweb carries DICOM files; PS3.18 8.6.1."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message

MOST_HEADER_BYTES = 2**14
"""Longest header of a part; two or three lines are usual."""


class MultipartError(Exception):
    """The message is not one of one complete part; its text ends the sentence 'the archive ...'."""


def encode_parts(parts: Sequence[bytes]) -> tuple[bytes, str]:
    """Body and Content-Type of a message of DICOM files; the boundary is drawn, so no file can hold it by design."""
    boundary = uuid.uuid4().hex
    blocks = [block for part in parts for block in (_encode_opening(boundary), part, b"\r\n")]
    return b"".join([*blocks, f"--{boundary}--\r\n".encode()]), (
        f'multipart/related; type="application/dicom"; boundary={boundary}'
    )


def parse_boundary(content_type: str) -> bytes | None:
    """The boundary that a Content-Type of multipart/related names, None for any other type."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary()
    if message.get_content_type() != "multipart/related" or not boundary:
        return None
    return boundary.encode("latin-1", "replace")


def read_only_part(blocks: Iterable[bytes], boundary: bytes) -> Iterator[bytes]:
    """The content of the one part of a message, in pieces, without holding more than a piece.

    Raises:
        MultipartError: the message ends before its closing boundary, or has no part or several.
    """
    stream = iter(blocks)
    delimiter = b"\r\n--" + boundary
    held = _read_past_header(stream, delimiter)
    while delimiter not in held:
        yield held[: -len(delimiter)]  # its end may be the beginning of a boundary
        held = held[-len(delimiter) :] + _read_next(stream)
    content, _, behind = held.partition(delimiter)
    while len(behind) < 2:
        behind += _read_next(stream)
    if not behind.startswith(b"--"):
        raise MultipartError("answers with several instances where one was asked for")
    yield content


def _encode_opening(boundary: str) -> bytes:
    return f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()


def _read_past_header(stream: Iterator[bytes], delimiter: bytes) -> bytes:
    """Read up to the first part's content, and return what of it has been read already."""
    head = b"\r\n"  # so that the first boundary looks like the others
    while True:
        _, opened, rest = head.partition(delimiter)
        _, ended, content = rest.partition(b"\r\n\r\n")
        if opened and ended:
            return content
        if len(head) > MOST_HEADER_BYTES:
            raise MultipartError("answers with a part that has no beginning")
        head += _read_next(stream)


def _read_next(stream: Iterator[bytes]) -> bytes:
    block = next(stream, None)
    if block is None:
        raise MultipartError("breaks off its answer")
    return block
