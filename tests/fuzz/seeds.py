"""Sound DICOM files from which mutations start: a small phantom in several transfer syntaxes, and the real files."""

import zlib
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.filereader import data_element_generator, read_dataset

from mammoseg.data.phantom_dicom import write_mammogram
from tests.conftest import SHARED_DATA
from tests.made_dicom import lut_item

SYNTAXES = {
    "explicit": uid.ExplicitVRLittleEndian,
    "implicit": uid.ImplicitVRLittleEndian,
    "big_endian": uid.ExplicitVRBigEndian,
    "deflated": uid.DeflatedExplicitVRLittleEndian,
    "rle": uid.RLELossless,
    "jpeg_ls": uid.JPEGLSLossless,
    "jpeg_2000": uid.JPEG2000Lossless,
}
"""Of the phantom; ``stream`` is the deflated one again, whose deflated bytes are damaged and not what they hold."""

NO_WINDOW = {"WindowCenter": None, "WindowWidth": None, "VOILUTFunction": None}
"""Taken out of the phantom ``tables``, which has a VOI LUT and pixel padding."""

REAL = {
    "ge": "GH133_GE_MLO_jpegls14sv1_12bit.dcm",
    "film": "MG1_J2KI_film_MLO_12bit.dcm",
    "siemens": "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm",
}


@dataclass(frozen=True)
class Seed:
    """A sound file.

    Attributes:
        content: its bytes; those of a deflated one inflated, so that what is damaged inside can be inflated too.
        elements: offset of each outermost element behind the File Meta Information, and of its value.
        pixels: offset of the value of Pixel Data: what is before is header.
        header: offset of the first byte that is damaged; a DICOM file begins with a preamble that says nothing.
        deflated: offset from which the file is deflated, None where `content` is all of it.
    """

    content: bytes
    elements: tuple[tuple[int, int], ...]
    pixels: int
    deflated: int | None = None
    header: int = 128

    def file(self, content: bytes) -> bytes:
        """The file that holds `content`, damaged or not."""
        if self.deflated is None:
            return content
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return content[: self.deflated] + deflate.compress(content[self.deflated :]) + deflate.flush()


def seed_names() -> list[str]:
    """The seeds that are there; the real files are not on every machine."""
    real = [name for name, path in REAL.items() if (SHARED_DATA / "dicom_mg" / path).exists()]
    return [*SYNTAXES, "stream", "tables", *real]


@cache
def load_seed(name: str) -> Seed:
    """The seed of a name; the same bytes on every machine."""
    file = (SHARED_DATA / "dicom_mg" / REAL[name]).read_bytes() if name in REAL else _write_phantom(name)
    if name == "stream":
        return Seed(file, elements=(), pixels=_read_meta(file)[0])
    content, deflated = _inflate(file)
    elements = tuple(find_elements(file))
    return Seed(content, elements, pixels=elements[-1][1], deflated=deflated)


def find_elements(file: bytes) -> list[tuple[int, int]]:
    """Offsets of the outermost elements up to Pixel Data, and of their values, as pydicom walks them; inflated.

    Raises:
        Exception: pydicom cannot walk them, they do not ascend, or Pixel Data is not among them or not whole.
    """
    start, syntax = _read_meta(file)
    data = BytesIO(_inflate(file)[0])
    data.seek(start)
    found, last = [], -1
    for element in data_element_generator(data, syntax.is_implicit_VR, syntax.is_little_endian):
        assert element.tag > last, "tags do not ascend"
        last = element.tag
        is_raw = isinstance(element, RawDataElement)
        found.append((start, element.value_tell if is_raw else start + 12))
        start = data.tell()
        if element.tag == 0x7FE00010:
            assert len(element.value) == element.length or element.length == 0xFFFFFFFF, "Pixel Data is cut"
            return found
    raise ValueError("there is no Pixel Data")


def _read_meta(file: bytes) -> tuple[int, uid.UID]:
    """Where the File Meta Information ends, and the transfer syntax."""
    data = BytesIO(file)
    data.seek(132)  # preamble and DICM
    meta = read_dataset(data, False, True, stop_when=lambda tag, *_: tag.group != 2)
    return data.tell(), meta.TransferSyntaxUID


def _inflate(file: bytes) -> tuple[bytes, int | None]:
    """The file with its data set inflated, and from where on it was deflated, None where it was not."""
    start, syntax = _read_meta(file)
    if not syntax.is_deflated:
        return file, None
    return file[:start] + zlib.decompress(file[start:], -zlib.MAX_WBITS), start


def _write_phantom(name: str) -> bytes:
    rows, columns = np.mgrid[0:40, 0:32]
    pixels = (rows * 60 + columns * 40).astype(np.uint16)
    attributes = NO_WINDOW | {"VOILUTSequence": [lut_item(500, list(range(0, 4000, 4)))], "PixelPaddingValue": 0}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "phantom.dcm"
        if name == "tables":
            write_mammogram(path, pixels, attributes=attributes, photometric="MONOCHROME1")
        elif name == "big_endian":
            words = {"PixelData": pixels.astype(">u2").tobytes()}
            write_mammogram(path, pixels, transfer_syntax=SYNTAXES[name], attributes=words)
        else:
            write_mammogram(path, pixels, transfer_syntax=SYNTAXES["deflated" if name == "stream" else name])
        return path.read_bytes()
