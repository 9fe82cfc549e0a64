"""Text in compressed streams: it goes wherever it stands, and no pixel changes."""

import struct
import subprocess

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array

from mammoseg.dicom.codestream import join_fragments
from mammoseg.dicom.stream_text import without_text
from mammoseg.errors import InputRefusedError
from tests.made_dicom import mammogram_dataset

MARK = b"CANARY^PATIENT"
STORED = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)
JPEG_COMMENT, J2K_COMMENT = b"\xff\xfe", b"\xff\x64"


@pytest.fixture
def encode(tmp_path, dcmcjpeg):
    """A data set compressed by pydicom, or by the option of DCMTK's dcmcjpeg."""

    def encode(how):
        dataset = mammogram_dataset(STORED)
        if isinstance(how, uid.UID):
            dataset.compress(how)
            return dataset
        dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        subprocess.run([dcmcjpeg, how, tmp_path / "a.dcm", tmp_path / "b.dcm"], check=True)
        return pydicom.dcmread(tmp_path / "b.dcm")

    return encode


def segment(marker, content=MARK):
    return marker + struct.pack(">H", len(content) + 2) + content


def check(dataset, pixel_data):
    """Hold the mark to be gone from `pixel_data` and its pixels to be those of `dataset`."""
    before = pixel_array(dataset)
    clean = without_text(pixel_data, dataset.file_meta.TransferSyntaxUID, pixels=STORED.size)
    assert MARK in pixel_data
    assert MARK not in clean
    dataset.PixelData = clean
    np.testing.assert_array_equal(pixel_array(dataset), before)


ALL = ["+e1", "+el", "+ee", uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless]


@pytest.mark.parametrize("how", ALL)
def test_what_encoders_write_keeps_its_pixels_and_its_length(encode, how):
    dataset = encode(how)
    before = pixel_array(dataset)
    clean = without_text(dataset.PixelData, dataset.file_meta.TransferSyntaxUID, pixels=STORED.size)
    assert len(join_fragments(clean)) == len(join_fragments(dataset.PixelData))
    dataset.PixelData = clean
    np.testing.assert_array_equal(pixel_array(dataset), before)


@pytest.mark.parametrize("how", ALL)
def test_a_fragment_behind_the_stream_goes(encode, how):
    dataset = encode(how)
    check(dataset, encapsulate([join_fragments(dataset.PixelData) + MARK]))
    dataset = encode(how)
    text = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(MARK)) + MARK
    check(dataset, encapsulate([join_fragments(dataset.PixelData)]) + text)


@pytest.mark.parametrize("how", ALL)
def test_text_in_place_of_the_offset_table_goes(encode, how):
    dataset = encode(how)
    offsets = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(MARK)) + MARK
    check(dataset, offsets + encapsulate([join_fragments(dataset.PixelData)], has_bot=False)[8:])


@pytest.mark.parametrize("marker", [b"\xff\xfe", b"\xff\xe0", b"\xff\xe1", b"\xff\xed", b"\xff\xef", b"\xff\xf0"])
@pytest.mark.parametrize("how", ["+e1", "+ee", uid.JPEGLSLossless])
def test_comments_and_application_data_of_jpeg_go(encode, how, marker):
    dataset = encode(how)
    stream = join_fragments(dataset.PixelData)
    first = stream[:2] + segment(marker) + stream[2:]
    check(dataset, encapsulate([first]))
    dataset = encode(how)
    scan = stream.index(b"\xff\xda")
    check(dataset, encapsulate([stream[:scan] + segment(marker) + stream[scan:]], fragments_per_frame=2))


def test_a_comment_between_two_scans_goes(encode):
    dataset = encode("+e1")
    stream = join_fragments(dataset.PixelData)
    assert stream.endswith(b"\xff\xd9") or stream.endswith(b"\xff\xd9\0")
    end = stream.rindex(b"\xff\xd9")
    check(dataset, encapsulate([stream[:end] + segment(JPEG_COMMENT) + stream[end:]]))


def test_comments_of_jpeg_2000_go(encode):
    dataset = encode(uid.JPEG2000Lossless)
    stream = join_fragments(dataset.PixelData)
    tile = stream.index(b"\xff\x90")
    check(dataset, encapsulate([stream[:tile] + segment(J2K_COMMENT) + stream[tile:]]))


@pytest.mark.parametrize("states_length", [True, False])
def test_comments_of_a_tile_of_jpeg_2000_go(encode, states_length):
    dataset = encode(uid.JPEG2000Lossless)
    stream = join_fragments(dataset.PixelData)
    tile = stream.index(b"\xff\x90")
    (length,) = struct.unpack_from(">I", stream, tile + 6)
    comment = segment(J2K_COMMENT)
    longer = struct.pack(">I", length + len(comment) if states_length else 0)
    check(
        dataset,
        encapsulate([stream[: tile + 6] + longer + stream[tile + 10 : tile + 12] + comment + stream[tile + 12 :]]),
    )


def test_boxes_around_a_codestream_go(encode):
    dataset = encode(uid.JPEG2000Lossless)
    stream = join_fragments(dataset.PixelData)
    box = struct.pack(">I4s", 8 + len(MARK), b"xml ") + MARK
    clean = without_text(encapsulate([box + stream]), uid.JPEG2000Lossless, pixels=STORED.size)
    assert join_fragments(clean).startswith(b"\xff\x4f\xff\x51")
    assert MARK not in clean


def test_text_in_unused_places_of_rle_goes(encode):
    dataset = encode(uid.RLELossless)
    stream = join_fragments(dataset.PixelData)
    check(dataset, encapsulate([stream[:30] + MARK + stream[30 + len(MARK) :]]))
    dataset = encode(uid.RLELossless)
    (second,) = struct.unpack_from("<I", stream, 8)
    moved = stream[:8] + struct.pack("<I", second + len(MARK)) + stream[12:second] + MARK + stream[second:]
    check(dataset, encapsulate([moved]))


DAMAGED = {
    "JPEG without end": (b"\xff\xd8" + segment(b"\xff\xc4") + segment(b"\xff\xda") + bytes(50), uid.JPEGLosslessSV1),
    "JPEG that is none": (bytes(50), uid.JPEGLosslessSV1),
    "JPEG segment that overruns": (b"\xff\xd8\xff\xc4\xff\xff", uid.JPEGLosslessSV1),
    "JPEG 2000 that is none": (bytes(50), uid.JPEG2000Lossless),
    "JPEG 2000 without end": (b"\xff\x4f\xff\x51" + struct.pack(">H", 41) + bytes(39), uid.JPEG2000Lossless),
    "RLE of too many segments": (struct.pack("<16I", 99, *[64] * 15) + bytes(50), uid.RLELossless),
    "RLE that is cut": (struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81", uid.RLELossless),
}


@pytest.mark.parametrize(("stream", "syntax"), DAMAGED.values(), ids=DAMAGED)
def test_a_stream_that_cannot_be_followed_is_refused(stream, syntax):
    with pytest.raises(InputRefusedError, match="E_COMPRESSION: the compressed stream cannot be followed"):
        without_text(encapsulate([stream]), syntax, pixels=STORED.size)
