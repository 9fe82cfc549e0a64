"""Which pixels of a mask belong together: those that touch, by a corner too."""

import cv2
import numpy as np


def find_parts(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the parts of a mask whose pixels touch, by an edge or a corner.

    Args:
        mask: bool ``(rows, columns)``.

    Returns:
        int32 of the same shape, the number of its part, from 1, and 0 outside of all; and how many parts there are.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.parts import find_parts
        >>> labels, count = find_parts(np.array([[1, 0, 0, 1], [0, 1, 0, 1]], bool))
        >>> count, labels.tolist()
        (2, [[1, 0, 0, 2], [0, 1, 0, 2]])
    """
    if not mask.size:  # OpenCV refuses it
        return np.zeros(mask.shape, np.int32), 0
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return labels, count - 1
