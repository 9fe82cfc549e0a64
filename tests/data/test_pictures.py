"""Pictures mean what viewers show, and what could mean two things is refused."""

import gzip
import struct
import zlib

import cv2
import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.masks import read_mask
from mammoseg.dicom.decode_pool import get_default_pool
from mammoseg.errors import InputRefusedError

GREY = np.array([[0, 10, 200], [50, 100, 255]], np.uint8)
ORIENTATION = 274


def written_negative(path, bits, order, compression):
    """A TIFF of WhiteIsZero whose stored numbers are the negative of `GREY`, and the values that it shows."""
    shown = (GREY.astype(np.uint16) * 257) if bits == 16 else GREY if bits == 8 else (GREY > 60).astype(np.uint8)
    stored = (2**bits - 1 - shown).astype(shown.dtype)
    tifffile.imwrite(
        path,
        stored.astype(bool) if bits == 1 else stored,
        photometric="miniswhite",
        byteorder=order,
        compression=compression,
    )
    return shown * (255 if bits == 1 else 1)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [1, 8, 16])
def test_a_tiff_whose_zero_is_white_is_shown_right(tmp_path, bits, order, compression):
    shown = written_negative(tmp_path / "a.tif", bits, order, compression)
    mammogram = read_mammogram(tmp_path / "a.tif")
    np.testing.assert_array_equal(mammogram.pixels, shown)
    assert mammogram.value_range == (0, 65535 if bits == 16 else 255)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "JPEG", "PPM"])
def test_every_format_shows_the_same_grey(tmp_path, format):
    blocks = np.kron(GREY, np.ones((8, 8), np.uint8))  # a JPEG keeps blocks of 8 x 8
    Image.fromarray(blocks).save(tmp_path / "a", format=format, **({"quality": 100} if format == "JPEG" else {}))
    mammogram = read_mammogram(tmp_path / "a")
    np.testing.assert_allclose(mammogram.pixels, blocks, atol=2)
    assert (mammogram.value_range, mammogram.notes) == ((0, 255), ())


@pytest.mark.parametrize(("largest", "shown"), [(65535, [0, 4095, 1000]), (4095, [0, 65535, 16003])])
def test_a_pgm_is_scaled_by_its_largest_value(tmp_path, largest, shown):
    values = np.array([0, 4095, 1000], ">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5\n3 1\n%d\n" % largest + values.tobytes())
    mammogram = read_mammogram(tmp_path / "a.pgm")
    np.testing.assert_allclose(mammogram.pixels, [shown], atol=1)
    assert mammogram.value_range == (0, 65535)


@pytest.mark.parametrize(
    "above",
    [
        b"P5\n3 1\n100\n" + bytes([0, 100, 101]),
        b"P5\n2 1\n4095\n\x0f\xff\x10\x00",
        b"P2 3 1 100\n0 100 # 7\n 101",
        b"P2 2 1 4095 4095\n4096",
    ],
)
def test_a_pgm_with_values_above_its_maximum_is_refused(tmp_path, above):
    (tmp_path / "a.pgm").write_bytes(above)
    with pytest.raises(InputRefusedError, match="E_BITS: the picture has values above (100|4095), the maximum"):
        read_mammogram(tmp_path / "a.pgm")


def test_a_plain_pgm_is_read(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P2\n# made by hand\n3 1\n255\n0 10\n255")
    assert read_mammogram(tmp_path / "a.pgm").pixels.tolist() == [[0, 10, 255]]


def packed_tiff(content, bits, *, photometric=1, order="<", mark=b"II*\0"):
    """Two pixels of `bits` each, in 4 bytes."""
    entries = [(256, 2), (257, 1), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1), (278, 1), (279, 4)]
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(
        struct.pack(f"{order}HHIHH", *(tag, 3, 1, n, 0)) for tag, n in entries
    )
    return mark + struct.pack(f"{order}I", 12) + content + directory + bytes(4)


@pytest.mark.parametrize("read", [read_mammogram, read_mask])
@pytest.mark.parametrize("bits", [3, 10, 14, 24])
@pytest.mark.parametrize(("order", "mark"), [("<", b"II*\0"), (">", b"MM\0*")])
def test_a_tiff_of_another_depth_is_refused_by_its_depth(tmp_path, bits, order, mark, read):
    (tmp_path / "a.tif").write_bytes(packed_tiff(bytes(4), bits, order=order, mark=mark))
    with pytest.raises(InputRefusedError, match=f"E_BITS: the picture has {bits} bits a pixel; save it with 8 or 16"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize(("photometric", "shown"), [(0, [0, 4095]), (1, [4095, 0])])
@pytest.mark.parametrize(("order", "mark"), [("<", b"II*\0"), (">", b"MM\0*")])
def test_twelve_bits_of_a_tiff_reach_white_at_4095(tmp_path, photometric, shown, order, mark):
    content = bytes([0xFF, 0xF0, 0x00, 0x00])  # 4095 and 0
    (tmp_path / "a.tif").write_bytes(packed_tiff(content, 12, photometric=photometric, order=order, mark=mark))
    mammogram = read_mammogram(tmp_path / "a.tif")
    assert (mammogram.pixels.tolist(), mammogram.value_range) == ([shown], (0, 4095))


@pytest.mark.parametrize(("format", "options"), [("TIFF", {"tiffinfo": {ORIENTATION: 6}}), ("JPEG", {"quality": 100})])
def test_a_picture_is_shown_as_its_orientation_says_and_notes_it(tmp_path, format, options):
    blocks = np.kron(GREY, np.ones((8, 8), np.uint8))
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the first row is the right side, so it is turned clockwise
    Image.fromarray(blocks).save(
        tmp_path / "a", format=format, **options, **({"exif": exif} if format == "JPEG" else {})
    )
    mammogram = read_mammogram(tmp_path / "a")
    np.testing.assert_allclose(mammogram.pixels, np.rot90(blocks, -1), atol=2)
    assert mammogram.notes == ("the picture is shown turned, as its orientation tag says",)


@pytest.mark.parametrize("channels", [3, 4])
def test_channels_of_16_bits_keep_all_their_bits(tmp_path, channels):
    deep = GREY.astype(np.uint16) * 257 + 1
    picture = np.dstack([deep] * 3 + [np.full_like(deep, 65535)] * (channels - 3))
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    np.testing.assert_array_equal(read_mammogram(tmp_path / "a.png").pixels, deep)


def test_a_palette_of_greys_is_grey(tmp_path):
    picture = Image.fromarray((GREY > 60).astype(np.uint8))
    picture.putpalette([10, 10, 10, 200, 200, 200])
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mammogram(tmp_path / "a.png").pixels, np.where(GREY > 60, 200, 10))


def test_alpha_counts_only_where_it_hides_something(tmp_path):
    for name, alpha in (("all", np.full_like(GREY, 90)), ("black", np.where(GREY > 0, 255, 0)), ("grey", GREY)):
        Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha.astype(np.uint8))]).save(
            tmp_path / f"{name}.png"
        )
    np.testing.assert_array_equal(read_mammogram(tmp_path / "all.png").pixels, GREY)
    np.testing.assert_array_equal(read_mammogram(tmp_path / "black.png").pixels, GREY)
    with pytest.raises(InputRefusedError, match="E_ALPHA: the picture is transparent in places"):
        read_mammogram(tmp_path / "grey.png")


def test_a_smaller_copy_of_a_page_is_no_page(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(GREY, photometric="minisblack")
        tiff.write(GREY[:1, :1], photometric="minisblack", subfiletype=1)
    np.testing.assert_array_equal(read_mammogram(tmp_path / "a.tif").pixels, GREY)


def no_gzip_checksum(content):
    packed = bytearray(gzip.compress(content))
    packed[-8] ^= 1
    return bytes(packed)


def a_png(width, height, bits=8):
    """Header of a PNG of any size and a first line of nothing."""
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(9))), (b"IEND", b"")]
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def a_nifti(array, **fields):
    image = nibabel.Nifti1Image(array, np.eye(4))
    content = bytearray(image.to_bytes())
    for offset, value in fields.values():
        content[offset : offset + len(value)] = value
    return bytes(content)


def a_tiff(array, **options):
    def write(path):
        tifffile.imwrite(path, array, **options)

    return write


SLICE = np.arange(6, dtype=np.int16).reshape(3, 2, 1)
RGB = np.zeros((3, 2, 1), [("R", "u1"), ("G", "u1"), ("B", "u1")])
REFUSED = {
    "several pages": (a_tiff(np.stack([GREY, GREY]), photometric="minisblack"), "E_MULTIFRAME"),
    "signed 8 bits": (a_tiff(GREY.astype(np.int8), photometric="minisblack"), "E_BITS"),
    "signed 16 bits": (a_tiff(GREY.astype(np.int16), photometric="minisblack"), "E_BITS"),
    "32 bits": (a_tiff(GREY.astype(np.uint32), photometric="minisblack"), "E_BITS"),
    "fractions of 16 bits": (a_tiff(GREY.astype(np.float16), photometric="minisblack"), "E_BITS"),
    "fractions": (a_tiff(GREY.astype(np.float32), photometric="minisblack"), "E_BITS"),
    "CMYK": (lambda path: Image.new("CMYK", (3, 2)).save(path, format="JPEG"), "E_COLOUR"),
    "a slide": (a_png(60000, 60000), "E_SIZE"),
    "no pixels": (a_png(0, 5), "E_TRUNCATED"),
    "a chunk of 3 gigabytes": (a_png(30, 30).replace(b"\0\0\0\x0bIDAT", b"\xc0\0\0\0IDAT"), "E_TRUNCATED"),
    "half a PNG": (a_png(300, 300), "E_TRUNCATED"),
    "half a JPEG": (b"\xff\xd8\xff\xe0" + bytes(50), "E_TRUNCATED"),
    "half a PGM": (b"P5\n30 30\n255\n" + bytes(30), "E_TRUNCATED"),
    "two PBM": (2 * b"P4\n9 2\n\x80\0\0\0\n", "E_MULTIFRAME"),
    "two PGM": (b"P5 2 1 255\n01P5 2 1 255\n10", "E_MULTIFRAME"),
    "two PGM of 12 bits": (2 * b"P5 2 1 4095\n\0\1\1\1", "E_MULTIFRAME"),
    "two PPM": (2 * b"P6 1 1 255\n000\n", "E_MULTIFRAME"),
    "channels of 16 bits, one behind the other": (
        a_tiff(np.stack([GREY.astype(np.uint16)] * 3), photometric="rgb", planarconfig="separate"),
        "E_BITS",
    ),
    "a channel of which nothing is said": (
        a_tiff(np.dstack([GREY] * 4), photometric="rgb", extrasamples=["unspecified"]),
        "E_COLOUR",
    ),
    "colour NIfTI": (a_nifti(RGB), "E_COLOUR"),
    "an offset in the header": (a_nifti(SLICE, vox_offset=(108, struct.pack("<f", 235))), "E_TRUNCATED"),
    "an unknown type": (a_nifti(SLICE, datatype=(70, b"\x63\0")), "E_TRUNCATED"),
    "complex numbers": (a_nifti(SLICE.astype(np.complex64)), "E_BITS"),
    "a checksum that is wrong": (no_gzip_checksum(a_nifti(SLICE)), "E_TRUNCATED"),
    "a NIfTI of 900 megapixels": (
        gzip.compress(a_nifti(SLICE, dim=(40, struct.pack("<4h", 3, 30000, 30000, 1)))),
        "E_SIZE",
    ),
    "a NIfTI that goes on": (gzip.compress(a_nifti(SLICE) + bytes(2**21)), "E_SIZE"),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_grey_picture_is_refused_by_its_reason(tmp_path, content, code):
    path = tmp_path / "a"
    content(path) if callable(content) else path.write_bytes(content)
    with pytest.raises(InputRefusedError, match=f"^{code}: "):
        read_mammogram(path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_2_is_read_as_nifti_1(tmp_path, name, order):
    header = nibabel.Nifti2Header(endianness=order)
    nibabel.save(nibabel.Nifti2Image(np.arange(6, dtype=np.uint16).reshape(3, 2), np.eye(4), header), tmp_path / name)
    np.testing.assert_array_equal(read_mammogram(tmp_path / name).pixels, [[0, 2, 4], [1, 3, 5]])
    np.testing.assert_array_equal(read_mask(tmp_path / name), [[0, 1, 1], [1, 1, 1]])


def test_pictures_are_decoded_in_the_child_process(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    nibabel.save(nibabel.Nifti1Image(SLICE, np.eye(4)), tmp_path / "a.nii")
    seconds, get_default_pool().seconds = get_default_pool().seconds, 0.0
    try:
        for read in (read_mammogram, read_mask):
            for name in ("a.png", "a.nii"):
                with pytest.raises(InputRefusedError, match="E_TIMEOUT"):
                    read(tmp_path / name)
    finally:
        get_default_pool().seconds = seconds
