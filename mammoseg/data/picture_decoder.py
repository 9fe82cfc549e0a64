"""What a stranger's PNG, TIFF, JPEG or PGM holds; runs in the child process of `mammoseg.data.decode_worker`.

Pillow decodes, as it says what the numbers mean: polarity, palette, alpha, pages, orientation. Whatever it raises is
the fault of the file.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import product

import numpy as np
from PIL import Image, ImageOps, ImageSequence, TiffImagePlugin
from PIL.ImageFile import ImageFile

from mammoseg.border import refused_as
from mammoseg.errors import InputRefusedError

FORMATS = ("PNG", "TIFF", "JPEG", "PPM")
"""Names in Pillow; PPM is PGM and its whole family."""

LOSSY = ("JPEG", "MPO")
"""MPO is what a JPEG of several pictures is called once it is open."""

LARGEST = {"1": 255, "L": 255, "I;16": 65535, "I;16B": 65535, "I;16L": 65535, "I": 65535}
"""Pillow's modes of one grey channel, and the value of white; ``I`` of 16 bits is that of PGM only."""

MULTICHANNEL = ("LA", "La", "RGB", "RGBA", "P", "PA")
"""Pillow's modes that may hold grey in several channels or a palette; all others (CMYK, YCbCr, LAB) are colour."""

SUBFILE_TYPE, BITS_PER_SAMPLE, PHOTOMETRIC, ORIENTATION = 254, 258, 262, 274
SAMPLES_PER_PIXEL, PLANAR_CONFIGURATION, SAMPLE_FORMAT = 277, 284, 339
"""Tags of a TIFF page (TIFF 6.0); EXIF has that of the orientation too."""

NETPBM = re.compile(rb"\s*P[1-6]\s")
"""First bytes of a picture of the PGM family; a file may hold several."""

Image.MAX_IMAGE_PIXELS = None  # one limit for all: that of whoever asks

# Pillow knows WhiteIsZero of 16 bits in little endian only, and of 12 bits BlackIsZero in little endian only, though
# their bits lie alike in both.
TiffImagePlugin.OPEN_INFO[b"MM", 0, (1,), 1, (16,), ()] = ("I;16B", "I;16B")
for order, zero in ((b"II", 0), (b"MM", 0), (b"MM", 1)):
    TiffImagePlugin.OPEN_INFO[order, zero, (1,), 1, (12,), ()] = ("I;16", "I;12")
# Greys of any other depth or kind, which it takes for no picture at all: opened, to be refused by their reason.
for order, zero, kind, bits in product((b"II", b"MM"), (0, 1), (1, 2, 3), range(1, 65)):
    if kind != 1 or bits not in (1, 2, 4, 8, 12, 16):
        TiffImagePlugin.OPEN_INFO.setdefault((order, zero, (kind,), 1, (bits,), ()), ("F", "F"))


@dataclass(frozen=True)
class Page:
    """One page of a picture as viewers show it.

    Attributes:
        channels: uint8 or uint16 ``(rows, columns, channels)``: grey, or red, green, blue; 0 is black.
        alpha: ``(rows, columns)``, 0 is transparent; None where there is none, or one of the same value all over.
        white: largest value that `channels` can take.
        is_lossy: compressed as JPEG.
        is_turned: the stored rows and columns were turned or mirrored, as the orientation tag says.
    """

    channels: np.ndarray
    alpha: np.ndarray | None
    white: int
    is_lossy: bool
    is_turned: bool

    def as_grey(self) -> np.ndarray | None:
        """Its one channel, or one of three equal ones; None in colour."""
        first, *others = np.moveaxis(self.channels, -1, 0)
        return first if all(np.array_equal(first, other) for other in others) else None


@contextmanager
def opened_pages(content: bytes, *, by_index: bool = False, max_pixels: int) -> Iterator[Iterator[Page]]:
    """Open a picture to go through its pages, each decoded when it is asked for; smaller copies of a page do not count.

    Args:
        by_index: takes the indices of a picture with a palette, not its colours.
        max_pixels: most pixels of one page.

    Raises:
        InputRefusedError: ``E_SIZE``, ``E_BITS``, ``E_COLOUR``, or ``E_TRUNCATED`` whatever Pillow could not do.
    """
    reason = "the picture cannot be decoded: it is damaged, or of a kind that is not read; save it anew as PNG."
    with refused_as("E_TRUNCATED", reason):
        # Of bytes, read() gives those that are there and no memory for those that a length claims. Pillow's own mapping
        # of a file that it opened by name mistakes rows for columns in a TIFF that is to be turned.
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            yield (_read_page(frame, content, by_index, max_pixels) for frame in _list_frames(picture))


def decode_picture(content: bytes, *, max_pixels: int) -> Page:
    """Decode a picture of one page of grey.

    Raises:
        InputRefusedError: as `opened_pages`; ``E_MULTIFRAME``, ``E_COLOUR``, ``E_ALPHA``.
    """
    with opened_pages(content, max_pixels=max_pixels) as pages:
        page = next(pages)
        if next(pages, None) is not None:
            raise InputRefusedError("E_MULTIFRAME", "the picture has several pages; a mammogram has one.")
    grey = page.as_grey()
    if grey is None:
        raise InputRefusedError("E_COLOUR", "the picture is in colour; mammograms are grey.")
    if page.alpha is not None and grey[page.alpha < page.alpha.max()].any():
        raise InputRefusedError("E_ALPHA", "the picture is transparent in places; save it without alpha channel.")
    return page


def _list_frames(picture: ImageFile) -> Iterator[ImageFile]:
    for _ in ImageSequence.Iterator(picture):
        if not _read_tag(picture, SUBFILE_TYPE, 0) & 1:
            yield picture


def _read_tag(frame: ImageFile, number: int, default: int) -> int:
    """A whole number of a TIFF page, the first where it has several; `default` for other formats too."""
    value = getattr(frame, "tag_v2", {}).get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)


def _read_page(frame: ImageFile, content: bytes, by_index: bool, max_pixels: int) -> Page:
    columns, rows = frame.size
    if not 0 < rows * columns <= max_pixels:
        raise InputRefusedError("E_SIZE", f"the picture is {rows} x {columns}; 1 to {max_pixels} pixels are read.")
    # all this before the frame is loaded, which drops its tiles and some of its tags
    is_interleaved = _read_tag(frame, PLANAR_CONFIGURATION, 1) == 1
    bits, is_negative = _read_tag(frame, BITS_PER_SAMPLE, 0), _read_tag(frame, PHOTOMETRIC, 1) == 0
    if _read_tag(frame, SAMPLE_FORMAT, 1) != 1:
        raise InputRefusedError("E_BITS", "the picture has signed values or fractions; save it with 8 or 16 bits.")
    if frame.mode == "F" or (frame.mode == "I" and frame.format != "PPM"):
        raise InputRefusedError("E_BITS", f"the picture has {bits or 32} bits a pixel; save it with 8 or 16 bits.")
    if (samples := _read_tag(frame, SAMPLES_PER_PIXEL, 1)) > len(frame.getbands()):
        reason = f"the picture has {samples} channels, and does not say what all of them are; save it as grey."
        raise InputRefusedError("E_COLOUR", reason)
    _check_maximum(frame, content)
    _check_is_alone(frame, content)
    is_deep = frame.mode in MULTICHANNEL and (bits > 8 or any(";16" in str(tile.args) for tile in frame.tile))
    is_turned = frame.getexif().get(ORIENTATION, 1) in range(2, 9)
    # Pillow turns a TIFF by itself when it is loaded
    shown = ImageOps.exif_transpose(frame) if is_turned and frame.format != "TIFF" else frame
    shown.load()
    if frame.mode in LARGEST:
        white = 2**bits - 1 if 8 < bits < 16 else LARGEST[frame.mode]
        channels = _read_grey(shown, white, is_negative)
    elif is_deep:
        is_plain = not is_turned and getattr(frame, "n_frames", 1) == 1 and is_interleaved
        white, channels = 65535, _decode_deep_channels(content, is_plain=is_plain)
    elif frame.mode in MULTICHANNEL:
        white, channels = 255, _read_channels(shown, by_index)
    else:
        raise InputRefusedError("E_COLOUR", f"the picture is in colour ({frame.mode}); mammograms are grey.")
    has_alpha = channels.shape[2] in (2, 4)
    alpha = channels[..., -1] if has_alpha and channels[..., -1].min() < channels[..., -1].max() else None
    return Page(channels[..., : channels.shape[2] - has_alpha], alpha, white, frame.format in LOSSY, is_turned)


def _check_maximum(frame: ImageFile, content: bytes) -> None:
    """Refuse values above the maximum that a PGM states, which Pillow would show as white, or call damaged."""
    tile = frame.tile[0]
    if frame.format != "PPM" or not isinstance(tile.args, tuple):  # those of other codecs cannot be above it
        return
    largest = int(tile.args[1])
    count = frame.width * frame.height * len(frame.getbands())
    if tile.codec_name == "ppm_plain":
        words = re.sub(rb"#[^\r\n]*", b"", content[tile.offset :])
        stored = np.fromstring(words.decode("ascii"), np.int64, sep=" ")[:count]
    else:
        depth = np.dtype(">u2" if largest > 255 else np.uint8)
        stored = np.frombuffer(content, depth, min(count, (len(content) - tile.offset) // depth.itemsize), tile.offset)
    if stored.max(initial=0) > largest:
        reason = f"the picture has values above {largest}, the maximum that its header states; save it anew."
        raise InputRefusedError("E_BITS", reason)


def _check_is_alone(frame: ImageFile, content: bytes) -> None:
    """Refuse a second picture behind a PGM, of which Pillow says nothing; plain ones have none."""
    tile = frame.tile[0]
    if frame.format != "PPM" or tile.codec_name == "ppm_plain":
        return
    is_wide = frame.mode == "I" or (isinstance(tile.args, tuple) and int(tile.args[1]) > 255)
    row = (frame.width + 7) // 8 if frame.mode == "1" else frame.width * len(frame.getbands()) * (1 + is_wide)
    if NETPBM.match(content, tile.offset + frame.height * row):
        raise InputRefusedError("E_MULTIFRAME", "the file holds several pictures; save each as a file.")


def _read_grey(shown: Image.Image, white: int, is_negative: bool) -> np.ndarray:
    grey = np.asarray(shown)
    if shown.mode == "1":
        grey = grey.astype(np.uint8) * 255
    grey = grey.astype(np.uint8 if white == 255 else np.uint16, copy=False)
    if is_negative and white > 255:  # Pillow turns those of up to 8 bits itself
        grey = white - grey
    return grey[..., np.newaxis]


def _read_channels(shown: Image.Image, by_index: bool) -> np.ndarray:
    """Grey or colour of 8 bits, or indices of a palette, with alpha last ``(rows, columns, channels)``."""
    if shown.mode in ("P", "PA") and not by_index:
        shown = shown.convert("RGBA")
    elif shown.mode == "La":
        shown = shown.convert("LA")
    pixels = np.asarray(shown)
    return pixels.reshape(*pixels.shape[:2], -1)


def _decode_deep_channels(content: bytes, *, is_plain: bool) -> np.ndarray:
    """Several channels of 16 bits, of which Pillow would keep 8; only of one page, not turned, pixel by pixel."""
    import cv2  # 0.2 s for every child, and hardly a picture needs it

    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if is_plain else None
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        reason = "the picture has several channels of 16 bits; save it as grey, without alpha channel."
        raise InputRefusedError("E_BITS", reason)
    return pixels
