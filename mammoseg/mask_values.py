"""Which pixels of a mask are mass, told by their values, whatever file they came from."""

import numpy as np

from mammoseg.errors import InputRefusedError

MOST_LABELS = 16
"""Largest value that is taken for the number of a mass; a mask of grey reaches further."""

GREY_RIMS = "masks with grey rims, cut at half of their range"


def find_mass(values: np.ndarray, *, is_lossy: bool = False) -> tuple[np.ndarray, list[str]]:
    """The mass in the values of a mask: every one but zero, or from half of the largest where the mask is grey.

    A mask is grey where it went through a lossy compression, has fractions, or has values between none and all that
    are rims, as smoothing leaves them, and not areas, as the numbers of several masses.

    Args:
        values: ``(rows, columns)``, zero is background.
        is_lossy: it was compressed as JPEG, which leaves no value as it was.

    Returns:
        uint8 0 / 1 of the same shape, and remarks.

    Raises:
        InputRefusedError: ``E_MASK_VALUES``, there are negative ones.
    """
    if values.min() < 0:
        raise InputRefusedError("E_MASK_VALUES", "the mask holds negative values; save it with 0 and 255.")
    is_between = (values > 0) & (values < values.max())
    if not is_between.any() or not (is_lossy or _is_grey(values, is_between)):
        return (values > 0).astype(np.uint8), []
    return (values > values.max() / 2).astype(np.uint8), [GREY_RIMS]


def _is_grey(values: np.ndarray, is_between: np.ndarray) -> bool:
    if values.dtype.kind == "f" and (values != np.round(values)).any():
        return True
    if values.max() <= MOST_LABELS:
        return False
    import cv2  # 0.2 s for every child, and hardly a mask needs it

    square = np.ones((3, 3), np.uint8)
    plain = values.astype(np.float32)
    centres = is_between & (cv2.erode(plain, square) == cv2.dilate(plain, square))
    areas = cv2.dilate(centres.astype(np.uint8), square)  # made of squares of one value
    return bool(2 * areas.sum() < is_between.sum())
