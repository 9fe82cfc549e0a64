"""Headers of compressed streams, held against Rows, Columns and Bits Allocated."""

import struct
import subprocess

import numpy as np
import pydicom
import pytest
from pydicom import uid

from mammoseg.dicom.codestream import join_fragments, parse_codestream
from mammoseg.errors import InputRefusedError
from tests.made_dicom import RAMP, mammogram_dataset

ROWS, COLUMNS = 60, 80

NO_TABLE, END = b"\xff\xdb\0\x02", b"\xff\xd9"
"""Of JPEG: an empty segment of tables, and the end of the image."""


def pack(stream):
    """Pixel Data of one fragment behind an empty offset table."""
    return b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0" + struct.pack("<I", len(stream)) + stream


def jpeg(marker, *, rows=ROWS, columns=COLUMNS, bits=12, components=1, before=b""):
    frame = struct.pack(">HBHHB", 11, bits, rows, columns, components)
    return pack(b"\xff\xd8" + (before or NO_TABLE) + b"\xff" + bytes([marker]) + frame + END)


def jpeg_2000(*, rows=ROWS, columns=COLUMNS, bits=12, components=1, sign=0):
    size = struct.pack(">HH4I4IHB", 41, 0, columns, rows, 0, 0, columns, rows, 0, 0, components, bits - 1 | sign << 7)
    return pack(b"\xff\x4f\xff\x51" + size + END)


def rle(*offsets):
    return pack(struct.pack("<16I", len(offsets), *offsets, *[0] * (15 - len(offsets))) + bytes(64))


def check(stream, syntax=uid.JPEGLosslessSV1, *, allocated=16, stored=12):
    return parse_codestream(stream, syntax, rows=ROWS, columns=COLUMNS, bits_allocated=allocated, bits_stored=stored)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless], ids=lambda s: s.name)
def test_what_encoders_write_passes(syntax):
    dataset = mammogram_dataset(np.tile(RAMP, (20, 20)))
    dataset.compress(syntax, encoding_plugin="")
    check(dataset.PixelData, syntax)


@pytest.mark.parametrize("option", ["+e1", "+el", "+ee"])
def test_what_dcmtk_writes_passes(option, tmp_path, dcmcjpeg):
    mammogram_dataset(np.tile(RAMP, (20, 20))).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    subprocess.run([dcmcjpeg, option, tmp_path / "a.dcm", tmp_path / "b.dcm"], check=True, capture_output=True)
    dataset = pydicom.dcmread(tmp_path / "b.dcm")
    check(dataset.PixelData, dataset.file_meta.TransferSyntaxUID)


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC3, 0xF7])
def test_the_size_of_a_jpeg_is_that_of_its_frame_header(marker):
    syntax = uid.JPEGLSLossless if marker == 0xF7 else uid.JPEGLosslessSV1
    check(jpeg(marker, before=b"\xff\xe0\0\x04ab\xff\xff\xfe\0\x02"), syntax)  # data of its own, a fill byte, a comment
    with pytest.raises(InputRefusedError, match="E_SIZE: the stream is 61 x 80, the header says 60 x 80"):
        check(jpeg(marker, rows=61), syntax)


REFUSED = {
    "JPEG columns": (jpeg(0xC3, columns=81), uid.JPEGLosslessSV1, "E_SIZE"),
    "JPEG in colour": (jpeg(0xC0, components=3), uid.JPEGBaseline8Bit, "E_COLOUR"),
    "JPEG of 17 bits": (jpeg(0xC3, bits=17), uid.JPEGLosslessSV1, "E_BITS"),
    "no JPEG": (pack(bytes(99)), uid.JPEGLosslessSV1, "E_COMPRESSION"),
    "JPEG that ends before its size": (pack(b"\xff\xd8\xff\xc3\0\x0b\x0c"), uid.JPEGLosslessSV1, "E_COMPRESSION"),
    "JPEG 2000 of 60000 x 60000": (jpeg_2000(rows=60000, columns=60000), uid.JPEG2000, "E_SIZE"),
    "JPEG 2000 in colour": (jpeg_2000(components=3), uid.JPEG2000, "E_COLOUR"),
    "JPEG 2000 of 20 bits": (jpeg_2000(bits=20), uid.JPEG2000, "E_BITS"),
    "JPEG 2000, signed": (jpeg_2000(sign=1), uid.JPEG2000, "E_BITS"),
    "HTJ2K lossless, signed": (jpeg_2000(sign=1), uid.HTJ2KLossless, "E_BITS"),
    "HTJ2K RPCL, signed": (jpeg_2000(sign=1), uid.HTJ2KLosslessRPCL, "E_BITS"),
    "HTJ2K, signed": (jpeg_2000(sign=1), uid.HTJ2K, "E_BITS"),
    "JPEG baseline of 8 bits": (jpeg(0xC0, bits=8), uid.JPEGBaseline8Bit, "E_BITS"),
    "JPEG-LS of 8 bits": (jpeg(0xF7, bits=8), uid.JPEGLSLossless, "E_BITS"),
    "JPEG 2000 of 8 bits": (jpeg_2000(bits=8), uid.JPEG2000, "E_BITS"),
    "RLE of one byte a pixel": (rle(64), uid.RLELossless, "E_BITS"),
    "JPEG 2000 without size": (pack(b"\xff\x4f\xff\x51"), uid.JPEG2000, "E_COMPRESSION"),
    "RLE of three segments": (rle(64, 70, 80), uid.RLELossless, "E_BITS"),
    "RLE of no segment": (rle(), uid.RLELossless, "E_COMPRESSION"),
    "RLE that goes backwards": (rle(64, 60), uid.RLELossless, "E_COMPRESSION"),
    "RLE that leads out": (rle(64, 4000), uid.RLELossless, "E_COMPRESSION"),
    "RLE of three bytes": (pack(b"abc"), uid.RLELossless, "E_COMPRESSION"),
    "no fragment": (b"\xfe\xff\x00\xe0\0\0\0\0", uid.JPEG2000, "E_COMPRESSION"),
    "video": (jpeg(0xC3), uid.MPEG2MPML, "E_COMPRESSION"),
}


@pytest.mark.parametrize(("stream", "syntax", "code"), REFUSED.values(), ids=REFUSED)
def test_a_stream_of_another_image_is_refused(stream, syntax, code):
    with pytest.raises(InputRefusedError) as refusal:
        check(stream, syntax)
    assert refusal.value.code == code


OTHER_METHODS = {
    "JPEG-LS says JPEG": (jpeg(0xF7), uid.JPEGLosslessSV1, "is JPEG-LS, Transfer Syntax UID says JPEG;"),
    "JPEG says JPEG-LS": (jpeg(0xC3), uid.JPEGLSLossless, "is JPEG, Transfer Syntax UID says JPEG-LS;"),
    "JPEG 2000 says JPEG": (jpeg_2000(), uid.JPEGBaseline8Bit, "is JPEG 2000, Transfer Syntax UID says JPEG;"),
    "JPEG says JPEG 2000": (jpeg(0xC0), uid.HTJ2KLossless, "is JPEG, Transfer Syntax UID says JPEG 2000;"),
    "RLE says JPEG 2000": (rle(64, 70), uid.JPEG2000, "is RLE, Transfer Syntax UID says JPEG 2000;"),
    "JP2 says RLE": (
        pack(b"\0\0\0\x0cjP  " + bytes(99)),
        uid.RLELossless,
        "is JPEG 2000, Transfer Syntax UID says RLE;",
    ),
}


@pytest.mark.parametrize(("stream", "syntax", "said"), OTHER_METHODS.values(), ids=OTHER_METHODS)
def test_a_stream_of_another_method_is_refused_by_it(stream, syntax, said):
    with pytest.raises(InputRefusedError, match=f"E_COMPRESSION: the stream {said} convert it"):
        check(stream, syntax)


@pytest.mark.parametrize(
    ("whole", "syntax"),
    [(jpeg(0xC3), uid.JPEGLossless), (jpeg(0xF7), uid.JPEGLSLossless), (jpeg_2000(), uid.JPEG2000)],
    ids=["JPEG", "JPEG-LS", "JPEG 2000"],
)
def test_a_stream_ends_once(whole, syntax):
    stream = join_fragments(whole)
    with pytest.raises(InputRefusedError, match="E_TRUNCATED: the compressed stream has no end"):
        check(pack(stream[:-2]), syntax)
    with pytest.raises(InputRefusedError, match="E_MULTIFRAME: Pixel Data holds several streams"):
        check(pack(stream + bytes(3) + stream), syntax)


def test_good_headers_made_here_pass():
    assert check(jpeg_2000(), uid.JPEG2000) == 12
    assert check(rle(64, 70), uid.RLELossless) == 16


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_bits_between_8_and_bits_allocated_are_told(bits):
    assert check(jpeg(0xC3, bits=bits)) == bits


def test_8_bits_of_16_are_told_where_the_header_has_no_more():
    assert check(jpeg(0xC3, bits=8), stored=8) == 8


@pytest.mark.parametrize("cut", [1, 20, 44, 200])
def test_a_header_may_be_spread_over_fragments(cut):
    stream = b"\xff\xd8\xff\xe0\0\x80" + bytes(126) + join_fragments(jpeg(0xC3))[2:] + bytes(99)
    items = [b"", stream[:cut], stream[cut : cut + 20], stream[cut + 20 :]]
    pixel_data = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item for item in items)
    assert check(pixel_data) == 12


def test_a_fragment_that_overruns_pixel_data_is_refused():
    with pytest.raises(InputRefusedError, match="E_COMPRESSION"):
        check(jpeg(0xC3)[:-1])
