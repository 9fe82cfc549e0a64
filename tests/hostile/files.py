"""Files and containers that are no DICOM, end too soon, lie about lengths or lead elsewhere: rows 1 to 21."""

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from tests.hostile.case import (
    ACCEPTED,
    HostileCase,
    bright_disc,
    find_element,
    with_attributes,
    with_bytes,
    write_good,
)

PATIENT_NAME = (0x0010_0010, b"PN")
ANATOMIC_REGION = (0x0008_2218, b"SQ")
PIXEL_DATA = (0x7FE0_0010, b"OW")
TRANSFER_SYNTAX = (0x0002_0010, b"UI")


def content_is(content: bytes, name: str = "a.dcm") -> Callable[[Path], Path]:
    """A `make` whose file has exactly this content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return make


def in_syntax(syntax: uid.UID) -> Callable[[Path], Path]:
    """A `make` whose good file is rewritten in another uncompressed transfer syntax."""

    def make(folder: Path) -> Path:
        path = write_good(folder)
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        if not syntax.is_little_endian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        pydicom.dcmwrite(path, dataset, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
        return path

    return make


def compressed_and(change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    """A `make` whose good file is compressed, so that its last 8 bytes are a delimiter, before `change`."""
    return with_bytes(change, transfer_syntax=uid.JPEG2000Lossless)


def without_element(tag: tuple[int, bytes], size: int) -> Callable[[bytes], bytes]:
    """Cut out one element of so many bytes."""
    return lambda content: (at := find_element(content, *tag)) and content[:at] + content[at + size :]


def with_length(tag: tuple[int, bytes], length: bytes, *, skip: int) -> Callable[[bytes], bytes]:
    """Overwrite the length of one element, `skip` bytes behind the start of its tag."""

    def change(content: bytes) -> bytes:
        at = find_element(content, *tag) + skip
        return content[:at] + length + content[at + len(length) :]

    return change


def longer_name(content: bytes) -> bytes:
    """Let the patient's name swallow seven bytes of what follows it."""
    at = find_element(content, *PATIENT_NAME) + 6
    length = int.from_bytes(content[at : at + 2], "little") + 7
    return content[:at] + length.to_bytes(2, "little") + content[at + 2 :]


def deflate_bomb(folder: Path) -> Path:
    """A deflated data set of 1 MB with 1 GiB of Pixel Data, all zero."""
    path = in_syntax(uid.DeflatedExplicitVRLittleEndian)(folder)
    deflated_at = len(path.read_bytes()) - len(_deflated_part(path))
    head = bytearray(zlib.decompress(_deflated_part(path), -zlib.MAX_WBITS)[: -2 * bright_disc().size])
    head[-4:] = (2**30).to_bytes(4, "little")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = deflate.compress(bytes(head)) + deflate.flush(zlib.Z_FULL_FLUSH)
    mebibyte = deflate.compress(bytes(2**20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(path.read_bytes()[:deflated_at] + start + mebibyte * 1024 + deflate.flush())
    return path


def _deflated_part(path: Path) -> bytes:
    content = path.read_bytes()
    meta_length = int.from_bytes(content[140:144], "little")
    return content[144 + meta_length :]


def nested(depth: int, *, opening: bytes = b"SQ") -> Callable[[bytes], bytes]:
    """Put sequences of undefined length inside each other, (0008,1140), where the outermost belongs."""
    explicit = b"\x08\x00\x40\x11" + opening + b"\0\0\xff\xff\xff\xff"
    implicit = b"\x08\x00\x40\x11\xff\xff\xff\xff"
    item, close = b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    inner = explicit if opening == b"SQ" else implicit
    sequences = explicit + item + (inner + item) * (depth - 1) + close * depth

    def change(content: bytes) -> bytes:
        at = find_element(content, *ANATOMIC_REGION)
        return content[:at] + sequences + content[at:]

    return change


def nested_with_lengths(content: bytes) -> bytes:
    """The same 300 deep, hidden in a value of unknown representation, with lengths."""
    value = b""
    for _ in range(300):
        item = b"\xfe\xff\x00\xe0" + len(value).to_bytes(4, "little") + value
        value = b"\x08\x00\x40\x11" + len(item).to_bytes(4, "little") + item
    at = find_element(content, *ANATOMIC_REGION)
    element = b"\x08\x00\x40\x11UN\0\0" + len(value[8:]).to_bytes(4, "little") + value[8:]
    return content[:at] + element + content[at:]


def one_uid_twice(folder: Path) -> Path:
    """Two files of one SOP Instance UID, the second with another disc."""
    first = pydicom.dcmread(write_good(folder, name="1.dcm"))
    write_good(folder, np.flipud(bright_disc()), name="2.dcm", attributes={"SOPInstanceUID": first.SOPInstanceUID})
    return folder


def link_out(folder: Path) -> Path:
    """A good file, and a link to another outside of the folder that is named."""
    outside = folder.parents[1] / f"outside of {folder.name}"
    outside.mkdir()
    (folder / "link.dcm").symlink_to(write_good(outside))
    write_good(folder)
    return folder


def link_to(target: str) -> Callable[[Path], Path]:
    """A `make` whose file is a link."""

    def make(folder: Path) -> Path:
        (folder / "a.dcm").symlink_to(target)
        return folder / "a.dcm"

    return make


def fifo(folder: Path) -> Path:
    """A pipe that nobody writes to; opening it would block."""
    os.mkfifo(folder / "a.dcm")
    return folder / "a.dcm"


def folder_like_a_file(folder: Path) -> Path:
    """A folder called a.dcm with a good file inside."""
    (folder / "a.dcm").mkdir()
    write_good(folder / "a.dcm", name="b.dcm", study=folder.name)
    return folder / "a.dcm"


def called(name: str) -> Callable[[Path], Path]:
    """A `make` whose good file has this name."""
    return lambda folder: write_good(folder).rename(folder / name)


def dicomdir(folder: Path) -> Path:
    """A directory of files whose one entry leads out of the folder."""
    record = Dataset()
    record.DirectoryRecordType = "IMAGE"
    with pydicom.config.disable_value_validation():
        record.ReferencedFileID = ["..", "..", "..", "etc", "passwd"]
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = uid.MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid(entropy_srcs=["mammoseg test"])
    directory.FileSetID = "CANARY"
    directory.DirectoryRecordSequence = [record]
    pydicom.dcmwrite(folder / "DICOMDIR", directory, enforce_file_format=True)
    return folder / "DICOMDIR"


TRAILING = "what stands behind Pixel Data and is no element is left out, with a warning"
PREAMBLE = "read, with a warning; what is written has a preamble of zeros"
LINKS = "a link out of a folder that is searched is passed over and counted; a link that is named itself is followed"

WHOLE_STREAM = "read, with a note, where the stream itself says that it is whole"

CASES: list[HostileCase] = [
    HostileCase(1, "empty", "a file of 0 bytes", content_is(b""), "E_NOT_DICOM"),
    HostileCase(2, "preamble-only", "preamble and DICM, nothing else", content_is(bytes(128) + b"DICM"), "E_NOT_DICOM"),
    HostileCase(3, "text", "a text file named .dcm", content_is(b"no image\n" * 99), "E_NOT_DICOM"),
    HostileCase(4, "header-cut", "header cut in the middle", with_bytes(lambda content: content[:700]), "E_TRUNCATED"),
    HostileCase(5, "pixels-cut", "file ends 1,000 bytes early", with_bytes(lambda c: c[:-1000]), "E_TRUNCATED"),
    HostileCase(
        5, "pixels-short", "Pixel Data 1,000 bytes short, its length true", with_attributes(PixelData=bytes(11288)),
        "E_TRUNCATED",
    ),
    HostileCase(
        6, "trailing-ff", "5,000 bytes of 0xFF after the end", with_bytes(lambda c: c + b"\xff" * 5000), ACCEPTED,
        TRAILING, twin=write_good,
    ),
    HostileCase(
        6, "trailing-zeros", "5,000 zeros after the end", with_bytes(lambda c: c + bytes(5000)), ACCEPTED, TRAILING,
        twin=write_good,
    ),
    HostileCase(7, "no-preamble", "no preamble", with_bytes(lambda c: c[132:]), "E_NOT_DICOM"),
    HostileCase(
        8, "program-mz", "a preamble that makes the file a Windows program", with_bytes(lambda c: b"MZ" + c[2:]),
        ACCEPTED, PREAMBLE, twin=write_good,
    ),
    HostileCase(
        8, "program-elf", "a preamble that makes the file a Linux program", with_bytes(lambda c: b"\x7fELF" + c[4:]),
        ACCEPTED, PREAMBLE, twin=write_good,
    ),
    HostileCase(
        9, "no-syntax", "no Transfer Syntax UID", with_bytes(without_element(TRANSFER_SYNTAX, 28)), "E_COMPRESSION"
    ),
    HostileCase(
        10, "big-endian", "Explicit VR Big Endian", in_syntax(uid.ExplicitVRBigEndian), ACCEPTED, twin=write_good
    ),
    HostileCase(
        10, "implicit", "Implicit VR Little Endian", in_syntax(uid.ImplicitVRLittleEndian), ACCEPTED, twin=write_good
    ),
    HostileCase(
        10, "deflated", "deflated", in_syntax(uid.DeflatedExplicitVRLittleEndian), ACCEPTED,
        "up to 128 MiB of data set", twin=write_good,
    ),
    HostileCase(11, "deflate-bomb", "1 MB that inflates to 1 GiB", deflate_bomb, "E_DEFLATE"),
    HostileCase(
        12, "length-4gib", "length of Pixel Data says 4 GiB",
        with_bytes(with_length(PIXEL_DATA, b"\xfe\xff\xff\xff", skip=8)), "E_TRUNCATED",
    ),
    HostileCase(
        13, "name-overruns-file", "length of Patient's Name overruns the file",
        with_bytes(with_length(PATIENT_NAME, b"\xf0\xff", skip=6)), "E_TRUNCATED",
    ),
    HostileCase(
        13, "name-overruns-next", "length of Patient's Name overruns the next element", with_bytes(longer_name),
        "E_NOT_DICOM",
    ),
    HostileCase(
        14, "undefined-length", "undefined length on uncompressed Pixel Data",
        with_bytes(with_length(PIXEL_DATA, b"\xff\xff\xff\xff", skip=8)), "E_COMPRESSION",
    ),
    HostileCase(
        14, "no-delimiter", "compressed pixels without Sequence Delimitation Item",
        compressed_and(lambda content: content[:-8]), ACCEPTED, WHOLE_STREAM, twin=write_good,
    ),
    HostileCase(
        14, "delimiter-open", "the same item with the length FFFFFFFF",
        compressed_and(lambda content: content[:-4] + b"\xff" * 4), ACCEPTED, WHOLE_STREAM, twin=write_good,
    ),
    HostileCase(
        14, "delimiter-zeros", "zeros in its place", compressed_and(lambda content: content[:-8] + bytes(8)), ACCEPTED,
        WHOLE_STREAM, twin=write_good,
    ),
    HostileCase(
        14, "excess-zeros", "512 zeros behind uncompressed pixels",
        with_attributes(PixelData=bright_disc().astype("<u2").tobytes() + bytes(512)), ACCEPTED,
        "left out, with a note: PS3.5 8.1.1", twin=write_good,
    ),
    HostileCase(
        14, "excess-bytes", "512 other bytes behind uncompressed pixels",
        with_attributes(PixelData=bright_disc().astype("<u2").tobytes() + b"\1" * 512), "E_SIZE",
    ),
    HostileCase(15, "nested-30", "sequences nested 30 deep", with_bytes(nested(30)), ACCEPTED, twin=write_good),
    HostileCase(15, "nested-31", "sequences nested 31 deep", with_bytes(nested(31)), "E_NESTING"),
    HostileCase(15, "nested-300", "sequences nested 300 deep", with_bytes(nested(300)), "E_NESTING"),
    HostileCase(15, "nested-5000", "sequences nested 5,000 deep", with_bytes(nested(5000)), "E_NESTING"),
    HostileCase(
        15, "nested-unknown", "the same below an element of unknown VR", with_bytes(nested(300, opening=b"UN")),
        "E_NESTING",
    ),
    HostileCase(
        15, "nested-hidden", "300 deep, with lengths, inside a value of unknown VR", with_bytes(nested_with_lengths),
        "E_NESTING",
    ),
    HostileCase(
        16, "uid-path", "SOP Instance UID ../../../../tmp/pwn", with_attributes(SOPInstanceUID="../../../../tmp/pwn"),
        "E_DICOM_UID",
    ),
    HostileCase(16, "uid-dots", "Series Instance UID ..", with_attributes(SeriesInstanceUID=".."), "E_DICOM_UID"),
    HostileCase(
        17, "uid-long", "Study Instance UID of 65 characters", with_attributes(StudyInstanceUID="1." + "2" * 63),
        "E_DICOM_UID",
    ),
    HostileCase(17, "uid-empty", "empty SOP Instance UID", with_attributes(SOPInstanceUID=""), "E_DICOM_UID"),
    HostileCase(
        18, "uid-twice", "two files, one SOP Instance UID, other pixels", one_uid_twice, "E_DUPLICATE_UID",
        "the second is refused, and names the first; an identical copy is not",
    ),
    HostileCase(
        19, "link-out", "a link out of the folder", link_out, ACCEPTED, LINKS,
        expected_of_ingest="links that lead out of the folder",
    ),
    HostileCase(19, "fifo", "a pipe", fifo, "E_NOT_A_FILE"),
    HostileCase(
        19, "device", "a link to /dev/zero", link_to("/dev/zero"), "E_NOT_A_FILE",
        expected_of_ingest="links that lead out of the folder",
    ),
    HostileCase(
        19, "folder-like-a-file", "a folder named a.dcm", folder_like_a_file, ACCEPTED,
        "a folder is searched, whatever its name",
    ),
    HostileCase(
        19, "newline", "a file name with a newline", called("a\nb.dcm"), ACCEPTED, "shown as \\n", twin=write_good
    ),
    HostileCase(
        19, "surrogate", "a file name that is no UTF-8", called(os.fsdecode(b"a\xff.dcm")), "E_NOT_A_FILE",
        "a datalist could not hold the name",
    ),
    HostileCase(
        20, "vanished", "a file that is gone when it is read", link_to("gone.dcm"), "E_NOT_A_FILE",
        "one that grows meanwhile is read once more, then `E_TRUNCATED`",
    ),
    HostileCase(21, "dicomdir", "DICOMDIR whose entry leads to ../../../etc/passwd", dicomdir, "E_SOP_CLASS"),
]  # fmt: skip
