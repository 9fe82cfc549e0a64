"""Set everything outside the breast (film labels, clips, scatter) to the background value."""

import cv2
import numpy as np

from mammoseg.transforms.functional.breast import breast_mask


def remove_background(image: np.ndarray) -> np.ndarray:
    """Set all but the largest breast component of an image ``(rows, columns)`` to the image's lowest value."""
    mask = breast_mask(image).astype(np.uint8)
    inside = cv2.resize(mask, image.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return np.where(inside, image, image.min())
