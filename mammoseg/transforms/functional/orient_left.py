"""Turn every breast to the left, chest wall at column 0."""

import numpy as np

from mammoseg.transforms.functional.breast import find_breast_mask


def faces_left_wall(image: np.ndarray) -> bool:
    """Whether the chest wall is at column 0, seen from the pixels: the half with more breast has the wall.

    Args:
        image: ``(rows, columns)``, dense tissue bright.
    """
    filled = find_breast_mask(image).sum(axis=0)
    half = len(filled) // 2
    return bool(filled[:half].sum() >= filled[len(filled) - half :].sum())


def needs_flip(image: np.ndarray, laterality: str | None) -> bool:
    """Whether to mirror the columns: right breasts hang at the right edge; where nothing is known the pixels decide.

    Args:
        image: grey values, ``(rows, columns)``.
        laterality: ``"L"``, ``"R"``, or None or ``""`` where unknown.
    """
    if laterality in ("L", "R"):
        return laterality == "R"
    return not faces_left_wall(image)


def orient_left(image: np.ndarray, *, laterality: str | None = None) -> np.ndarray:
    """Mirror an image ``(rows, columns)`` where that brings the chest wall to column 0."""
    return image[:, ::-1] if needs_flip(image, laterality) else image
