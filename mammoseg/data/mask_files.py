"""Masks that ingest writes: on the grid of their image, as PNG with 0 and 255, whole or not at all."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mammoseg.errors import InputRefusedError
from mammoseg.files import atomic_path
from mammoseg.mammogram import MOST_MASSES

ASPECT_TOLERANCE = 0.01
"""Largest relative difference of height / width between mask and image; rounding a scaled side stays far below it."""


def has_same_aspect(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two ``(rows, columns)`` have the same height / width, within `ASPECT_TOLERANCE`."""
    return abs(shape[0] * other[1] / (shape[1] * other[0]) - 1) <= ASPECT_TOLERANCE


RESAMPLED = "masks resampled to the grid of their image"

LARGEST_SHARE = 0.5
"""Share of its image that a mask of masses may cover; real ones end near 0.011 (docs/datasets/phantom.md)."""


def check_area(mask: np.ndarray) -> None:
    """Refuse a mask 0/1 that covers so much of its image that it is inverted, or no mask of masses.

    Args:
        mask: mask of one lesion or of all, ``(rows, columns)``.

    Raises:
        InputRefusedError: ``E_MASK_AREA``.
    """
    if np.count_nonzero(mask) > LARGEST_SHARE * mask.size:
        reason = f"the mask covers {np.mean(mask > 0):.0%} of its image: inverted, or no mask of masses"
        raise InputRefusedError(
            "E_MASK_AREA",
            f"{reason}; mend it, or let large masks in (--large-masks of ingest folder, --conf large_masks).",
        )


def check_count(masses: int) -> None:
    """Refuse an image with so many masses that its file was made to fill the memory, or does not mark masses.

    Raises:
        InputRefusedError: ``E_MASK_COUNT``.
    """
    if masses > MOST_MASSES:
        raise InputRefusedError("E_MASK_COUNT", f"{masses} masses in one image, at most {MOST_MASSES} are read.")


def fit_to_grid(mask: np.ndarray, shape: tuple[int, int], *, note: Callable[[str], object]) -> np.ndarray:
    """Bring a mask to the grid of its image, nearest neighbour on pixel centres.

    Args:
        mask: uint8 (rows, columns) 0/1.
        shape: (rows, columns) of the image.
        note: called with `RESAMPLED` where that changes the mask.
    Raises:
        InputRefusedError: ``E_MASK_ASPECT``, the mask would have to be distorted.
    """
    if not has_same_aspect(mask.shape, shape):
        sizes = f"mask is {mask.shape[0]} x {mask.shape[1]}, its image {shape[0]} x {shape[1]}"
        raise InputRefusedError("E_MASK_ASPECT", f"{sizes}: not the same aspect; give the mask on the image's grid.")
    if mask.shape == shape:
        return mask
    note(RESAMPLED)
    return cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)


def write_mask(path: Path, mask: np.ndarray) -> Path:
    """Write a 0/1 mask (rows, columns) as 8-bit PNG with 0 and 255; returns `path`.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_path(path) as temporary:
        if not cv2.imwrite(str(temporary), np.where(mask, 255, 0).astype(np.uint8)):
            raise OSError(f"{path}: OpenCV could not write the mask; is the disk full?")
    return path


def write_masses(
    folder: Path, image_id: str, masses: Sequence[np.ndarray], *, shape: tuple[int, int]
) -> dict[str, Any]:
    """Write the masses of an image, fused and each by itself.

    Args:
        folder: gets ``IMAGE_ID.png``, and ``IMAGE_ID_1.png`` ... where there are several masses.
        masses: 0/1 ``(rows, columns)``; one without a pixel is none.
        shape: rows and columns of the image.
    Returns:
        ``label``, ``instances`` and ``has_mass`` of its record.
    Raises:
        InputRefusedError: ``E_MASK_COUNT``.
        OSError: one cannot be written.
    """
    check_count(len(masses))
    masses = [mask > 0 for mask in masses if mask.any()]
    label = write_mask(folder / f"{image_id}.png", np.any([np.zeros(shape, bool), *masses], axis=0))
    instances = [label] * len(masses)
    if len(masses) > 1:
        instances = [
            write_mask(folder / f"{image_id}_{number}.png", mask) for number, mask in enumerate(masses, start=1)
        ]
    return {"label": label, "instances": instances, "has_mass": bool(masses)}
