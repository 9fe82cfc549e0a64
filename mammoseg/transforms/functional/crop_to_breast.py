"""Crop to the breast, as paper A does: rows and columns that hold only background go."""

import numpy as np

from mammoseg.transforms.functional.breast import find_bounding_box, find_breast_mask
from mammoseg.transforms.functional.geometry import Box


def find_breast_box(image: np.ndarray) -> Box:
    """Box of the breast in an image ``(rows, columns)``; the whole image where no breast is found."""
    return find_bounding_box(find_breast_mask(image), (image.shape[0], image.shape[1]))


def crop_to_breast(image: np.ndarray) -> np.ndarray:
    """Cut an image ``(rows, columns)`` to its breast."""
    box = find_breast_box(image)
    return image[box.top : box.top + box.height, box.left : box.left + box.width]
