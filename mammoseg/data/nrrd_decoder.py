"""What a stranger's NRRD holds; runs in the child process of `mammoseg.data.decode_worker`.

pynrrd reads the header; whatever it raises is the fault of the file. Only data in the same file count, raw or gzipped:
another file that the header names is never opened.
"""

import re
import zlib
from io import BytesIO
from typing import Any

import nrrd
import numpy as np

from mammoseg.border import refused_as
from mammoseg.data.nifti_decoder import Nifti, as_plain, check_description

MOST_HEADER_BYTES = 2**20

TYPES = (
    {"uchar": "u1", "unsigned char": "u1", "uint8": "u1", "uint8_t": "u1"}
    | {
        f"{sign}{name}": f"{kind}{size}"
        for sign, kind in (("", "i"), ("unsigned ", "u"), ("u", "u"))
        for name, size in (("short", 2), ("int", 4), ("int8", 1), ("int16", 2), ("int32", 4), ("int64", 8))
    }
    | {"float": "f4", "double": "f8", "signed char": "i1"}
)
"""Types of NRRD to those of numpy."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

SPACES = {"left-posterior-superior": LPS_TO_RAS, "LPS": LPS_TO_RAS} | {
    "right-anterior-superior": np.eye(4),
    "RAS": np.eye(4),
}
"""Spaces of NRRD, as the way from them to RAS, in which NIfTI counts."""

ELSEWHERE = {"data file", "datafile", "line skip", "byte skip"}
"""Fields that say that the data do not begin right behind the header."""


def decode_nrrd(content: bytes, *, max_pixels: int) -> Nifti:
    """Decode a NRRD file of one grey slice.

    Raises:
        InputRefusedError: ``E_MULTIFRAME``, ``E_SIZE``, ``E_BITS``, or ``E_TRUNCATED`` whatever pynrrd could not do.
    """
    head, gap, data = content.partition(b"\n\n")
    with refused_as("E_TRUNCATED", "the NRRD file holds no raw or gzipped image in itself; export it again."):
        if len(head) > MOST_HEADER_BYTES or not gap:
            raise ValueError("no header")
        header = nrrd.read_header(BytesIO(head + gap))
        kind = np.dtype((">" if header.get("endian") == "big" else "<") + TYPES[re.sub("_t$", "", header["type"])])
        sides = tuple(int(side) for side in header["sizes"])
        check_description(sides, kind, max_pixels)
        if ELSEWHERE & header.keys():
            raise ValueError("the data are elsewhere")
        pixels = _unpack(data, header["encoding"], int(np.prod(sides)) * kind.itemsize)
        return Nifti(as_plain(np.frombuffer(pixels, kind).reshape(sides, order="F")), _read_affine(header), None)


def _unpack(data: bytes, encoding: str, size: int) -> bytes:
    """Exactly `size` bytes; of gzip the checksum is right."""
    if encoding in ("gzip", "gz"):
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
        data = unpacking.decompress(data, size + 1)
        if not unpacking.eof:
            raise ValueError("longer than its image, or truncated")
    elif encoding != "raw":
        raise ValueError("unknown encoding")
    if len(data) != size:
        raise ValueError("another length than its header says")
    return data


def _read_affine(header: Any) -> np.ndarray | None:
    """Affine of an image of three axes, None where the header does not place it."""
    directions, to_ras = header.get("space directions"), SPACES.get(header.get("space", ""))
    if directions is None or to_ras is None or np.shape(directions) != (3, 3):
        return None
    affine = np.eye(4)
    affine[:3, :3] = np.transpose(directions)
    affine[:3, 3] = header.get("space origin", (0, 0, 0))
    return to_ras @ affine if np.isfinite(affine).all() else None
