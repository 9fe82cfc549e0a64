"""What every metric asks of the two masks it compares."""

import numpy as np
from numpy.typing import ArrayLike


def as_mask_pair(prediction: ArrayLike, target: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Give both masks as bool arrays (H, W).

    Args:
        prediction: (H, W), bool or only 0 and 1; a probability is refused, because it has no mask without a threshold.
        target: the truth, same shape and values.

    Raises:
        ValueError: when the shapes differ, are not two-dimensional, or a value is neither 0 nor 1.
    """
    masks = _as_mask(prediction, "prediction"), _as_mask(target, "target")
    if masks[0].shape != masks[1].shape:
        raise ValueError(
            f"prediction is {masks[0].shape}, target is {masks[1].shape}; both must lie on one grid; resample one."
        )
    return masks


def _as_mask(values: ArrayLike, name: str) -> np.ndarray:
    mask = np.asarray(values)
    if mask.ndim != 2 or mask.size == 0:
        raise ValueError(f"{name} has shape {mask.shape}, a mask has rows and columns; take one channel of one image.")
    if mask.dtype == bool:
        return mask
    mask_is_one = mask == 1
    if not np.array_equal(mask_is_one, mask != 0):
        raise ValueError(f"{name} has values other than 0 and 1; apply the threshold first.")
    return mask_is_one
