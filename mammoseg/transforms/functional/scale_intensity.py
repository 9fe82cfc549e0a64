"""Grey values to the range a network expects."""

import numpy as np

PERCENTILES = (1.0, 99.0)
"""Percentiles of the tissue that become 0 and 1 in the method ``"percentile"``."""

BREAST_PERCENTILE, BREAST_MEAN, BREAST_DEVIATION = 99.7, 0.35, 0.25
"""Of the method ``"breast"``: percentile of the tissue that becomes 1, then what is taken off, and divided by."""

METHODS = ("unit", "percentile", "zscore", "breast")


def scale_intensity(image: np.ndarray, *, method: str) -> np.ndarray:
    """Rescale an image; where all of it is one value it becomes 0, never NaN.

    The lowest value of the image is background or padding: ``"percentile"``, ``"zscore"`` and ``"breast"`` take their
    statistics only from what lies above it.

    Args:
        image: grey values of any shape.
        method: ``"unit"`` (lowest 0, highest 1), ``"percentile"`` (1st and 99th percentile of tissue become 0 and 1,
            cut there), ``"zscore"`` (mean 0 and standard deviation 1 over tissue) or ``"breast"`` (lowest 0, 99.7th
            percentile of tissue 1, not cut; then less 0.35 and divided by 0.25, the same for all images).

    Raises:
        ValueError: an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"unknown intensity method '{method}'; known: {', '.join(METHODS)}.")
    image = image.astype(np.float32)
    low, high = float(image.min()), float(image.max())
    if np.isclose(low, high):  # resampling leaves a constant image constant to rounding only
        return np.zeros_like(image)
    if method == "unit":
        return (image - low) / (high - low)
    tissue = image[image > low]
    if method == "breast":
        share = (image - low) / (np.percentile(tissue, BREAST_PERCENTILE) - low)
        return ((share - BREAST_MEAN) / BREAST_DEVIATION).astype(np.float32)
    if method == "percentile":
        first, last = np.percentile(tissue, PERCENTILES)
        return np.clip((image - first) / max(last - first, np.finfo(np.float32).eps), 0, 1).astype(np.float32)
    return (image - tissue.mean()) / max(float(tissue.std()), np.finfo(np.float32).eps)
