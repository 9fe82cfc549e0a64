"""Class maps: pictures whose grey value or palette index is the class of the pixel, as Pascal VOC stores them."""

from pathlib import Path

import numpy as np
from PIL import Image

from mammoseg.data.photographs import open_picture
from mammoseg.errors import InputRefusedError
from mammoseg.files import atomic_path

IGNORED = 255
"""Class of pixels that count for nothing: the border that VOC leaves around objects."""


def read_class_map(path: Path | str, *, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a class map: uint8 ``(rows, columns)`` of class numbers and `IGNORED`.

    Args:
        path: a picture with palette, or grey with 8 bits.
        shape: rows and columns that the map must have.
    Raises:
        InputRefusedError: damaged, in colour, or ``E_SHAPE``.
    """
    picture = open_picture(path)
    if picture.mode not in ("P", "L"):
        raise InputRefusedError(
            "E_COLOUR", f"the class map has mode {picture.mode}; give one with palette or 8-bit grey, a class a value."
        )
    classes = np.array(picture, np.uint8)
    if shape is not None and classes.shape != tuple(shape):
        raise InputRefusedError(
            "E_SHAPE", f"the class map is {classes.shape[0]} x {classes.shape[1]}, its image {shape[0]} x {shape[1]}."
        )
    return classes


def write_class_map(path: Path, classes: np.ndarray) -> None:
    """Write class numbers ``(rows, columns)`` as PNG with VOC's palette, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    picture = Image.fromarray(classes.astype(np.uint8))
    picture.putpalette(make_voc_palette().tobytes())
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG")


def make_voc_palette() -> np.ndarray:
    """Colours of VOC's development kit: uint8 ``(256, 3)``, red, green, blue.

    The bits of the class number, lowest first, are dealt to red, green, blue in turn and fill each from its highest
    bit down (``VOClabelcolormap`` of the kit), so that neighbouring numbers look different.
    """
    numbers = np.arange(256)[:, None]
    colours = np.zeros((256, 3), int)
    for turn in range(8):
        colours |= (numbers >> (3 * turn + np.arange(3)) & 1) << (7 - turn)
    return colours.astype(np.uint8)
