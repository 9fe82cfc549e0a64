"""Colour photographs, for the one bundle that is not about mammograms."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mammoseg.errors import InputRefusedError


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
    try:
        with Image.open(path) as picture:
            picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError) as error:  # Pillow reports a broken PNG as SyntaxError
        raise InputRefusedError(
            "E_TRUNCATED", "the picture cannot be decoded; copy it again from its source."
        ) from error
    return picture
