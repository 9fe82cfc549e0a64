"""Crop as Sun et al. 2020 write it: rows and columns whose greatest value is negligible go, and nothing else."""

import numpy as np

from mammoseg.transforms.functional.breast import BREAST_THRESHOLD, find_bounding_box
from mammoseg.transforms.functional.geometry import Box


def find_dark_frame_box(image: np.ndarray) -> Box:
    """Box without the outer rows and columns of an image ``(rows, columns)`` that are dark throughout.

    Negligible is what rises above the darkest value by no more than `BREAST_THRESHOLD` of the range; the paper gives no
    number. A film label is bright, so its rows stay.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.transforms.functional.crop_negligible import find_dark_frame_box
        >>> image = np.zeros((6, 5), np.float32)
        >>> image[2:4, 1] = 100
        >>> image[5, 4] = 4  # 4 % of the range
        >>> find_dark_frame_box(image)
        Box(top=2, left=1, height=2, width=1)
    """
    low, high = float(image.min()), float(image.max())
    size = (image.shape[0], image.shape[1])
    bright = image > low + BREAST_THRESHOLD * (high - low)
    return find_bounding_box(bright, size) if bright.any() else Box(0, 0, *size)
