"""Sound pictures and NIfTI files from which mutations start, and what becomes of damaged ones."""

import gzip
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.masks import load_mask
from mammoseg.errors import InputRefusedError
from tests.fuzz.mutations import Operation, draw_operations, mutate
from tests.fuzz.run import FINDINGS, Case
from tests.fuzz.seeds import Seed

KINDS = {
    "8.png": ("L", {}),
    "16.png": ("I;16", {}),
    "1.png": ("1", {}),
    "palette.png": ("P", {}),
    "alpha.png": ("LA", {}),
    "plain.tif": ("L", {}),
    "16.tif": ("I;16", {}),
    "lzw.tif": ("L", {"compression": "tiff_lzw"}),
    "deflate.tif": ("I;16", {"compression": "tiff_adobe_deflate"}),
    "fax.tif": ("1", {"compression": "group4"}),
    "pages.tif": ("L", {"save_all": True, "append_images": [Image.new("L", (32, 40), 1)]}),
    "grey.jpg": ("L", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"}),
    "colour.jpg": ("RGB", {"progressive": True}),
    "8.pgm": ("L", {}),
    "16.pgm": ("I;16", {}),
}
"""Mode in Pillow, and how it is saved."""

FORMATS = {"png": "PNG", "tif": "TIFF", "jpg": "JPEG", "pgm": "PPM"}


def picture_names() -> list[str]:
    """The seeds that `load_picture_seed` makes."""
    return [*KINDS, "plain.nii", "scaled.nii", "packed.nii.gz"]


@cache
def load_picture_seed(name: str) -> Seed:
    """The seed of a name; what is before `Seed.pixels` is header."""
    rows, columns = np.mgrid[0:40, 0:32]
    ramp = (rows * 60 + columns * 40).astype(np.uint16)
    if name in KINDS:
        content = _picture(name, ramp)
        return Seed(content, elements=(), pixels=_half(content, 256), header=0)
    image = nibabel.Nifti1Image(ramp.T[..., np.newaxis].astype(np.int16), np.diag([-0.07, -0.07, 1, 1]))
    if name == "scaled.nii":
        image.header.set_slope_inter(0.5, 3)
    content = image.to_bytes()
    if name == "packed.nii.gz":
        content = gzip.compress(content, mtime=0)
    return Seed(content, elements=(), pixels=_half(content, 352), header=0)


def draw_picture_cases(seed: int) -> Iterator[Case]:
    """Mutations of all seeds alike, most of them in the header."""
    random = np.random.default_rng(seed)
    names = picture_names()
    while True:
        name = str(random.choice(names))
        region = "header" if random.random() < 0.6 else "pixels"
        yield name, region, draw_operations(random, load_picture_seed(name), region)


def read_picture_case(path: Path, name: str, region: str, operations: list[Operation]) -> tuple[str, str]:
    """Write the mutation to `path`, read it as an image and as a mask: how that ended, and details of it.

    One of `FINDINGS` on either way goes before what the image alone ended in.
    """
    path.write_bytes(mutate(load_picture_seed(name).content, operations))
    endings = [_ending(lambda: read_mammogram(path).pixels), _ending(lambda: load_mask(path).pixels)]
    return max(endings, key=lambda ending: ending[0] in FINDINGS)


def _ending(read: Callable[[], np.ndarray]) -> tuple[str, str]:
    try:
        assert np.isfinite(read()).all(), "pixels are not finite"
    except InputRefusedError as error:
        return ("fault" if error.code == "E_FAULT" else error.code), error.reason
    except Exception as error:
        return "traceback", repr(error)
    return "image", ""


def _half(content: bytes, header: int) -> int:
    """Where pixels begin: behind a header of so many bytes, or in the middle of a file that is hardly longer."""
    return min(header, len(content) // 2)


def _picture(name: str, ramp: np.ndarray) -> bytes:
    mode, options = KINDS[name]
    grey = Image.fromarray(ramp) if mode == "I;16" else Image.fromarray((ramp >> 4).astype(np.uint8)).convert(mode)
    buffer = BytesIO()
    grey.save(buffer, format=FORMATS[name.rpartition(".")[2]], **options)
    return buffer.getvalue()
