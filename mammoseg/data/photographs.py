"""Colour photographs, for the one bundle that is not about mammograms."""

from pathlib import Path

import numpy as np
from PIL import Image

from mammoseg.border import refused_as


def read_photograph(path: Path | str) -> np.ndarray:
    """Read a photograph: float32 ``(3, rows, columns)``, red, green, blue, 0 to 255; a grey one gives equal channels.

    Raises:
        InputRefusedError: the file is no picture, or damaged.
    """
    return np.asarray(open_picture(path).convert("RGB"), np.float32).transpose(2, 0, 1)


def open_picture(path: Path | str) -> Image.Image:
    """Open and decode a picture, palette and all.

    Raises:
        InputRefusedError: the file is no picture, or damaged.
    """
    with refused_as("E_TRUNCATED", "the picture cannot be decoded; copy it again from its source."):
        with Image.open(path) as picture:
            picture.load()
        return picture
