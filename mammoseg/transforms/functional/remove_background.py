"""Set everything outside the breast (film labels, clips, scatter) to the background value."""

import numpy as np

from mammoseg.transforms.functional.breast import find_breast_on_grid


def remove_background(image: np.ndarray) -> np.ndarray:
    """Set all but the largest breast component of an image ``(rows, columns)`` to the image's lowest value."""
    return np.where(find_breast_on_grid(image), image, image.min())
