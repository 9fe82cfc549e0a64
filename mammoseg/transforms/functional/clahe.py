"""Contrast limited adaptive histogram equalisation (Zuiderveld 1994), through OpenCV."""

import cv2
import numpy as np

TILES = (8, 8)
"""Columns and rows of tiles over the image."""


def apply_clahe(image: np.ndarray, *, clip_limit: float) -> np.ndarray:
    """Equalise the histogram tile by tile.

    The image is quantised to 256 grey levels between its lowest and highest value. Pixels of the lowest value are
    background and stay.

    Args:
        image: float ``(rows, columns)``.
        clip_limit: how far a histogram bin may rise above the mean bin; 1 changes little, 2 to 4 is usual.
    """
    low, high = float(image.min()), float(image.max())
    if np.isclose(low, high):
        return image.astype(np.float32)
    levels = np.rint((image - low) * (255.0 / (high - low))).astype(np.uint8)
    equalised = cv2.createCLAHE(clipLimit=clip_limit, tileGridSize=TILES).apply(levels)
    grey = equalised.astype(np.float32) * np.float32((high - low) / 255.0) + np.float32(low)
    return np.where(image > low, grey, np.float32(low))
