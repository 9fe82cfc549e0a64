"""Grey values to the range a network expects."""

import numpy as np

PERCENTILES = (1.0, 99.0)
"""Percentiles of the tissue that become 0 and 1 in the method ``"percentile"``."""

METHODS = ("unit", "percentile", "zscore")


def scale_intensity(image: np.ndarray, *, method: str) -> np.ndarray:
    """Rescale an image; where all of it is one value it becomes 0, never NaN.

    The lowest value of the image is background or padding: ``"percentile"`` and ``"zscore"`` take their statistics only
    from what lies above it.

    Args:
        image: grey values of any shape.
        method: ``"unit"`` (lowest 0, highest 1), ``"percentile"`` (1st and 99th percentile of tissue become 0 and 1,
            cut there) or ``"zscore"`` (mean 0 and standard deviation 1 over tissue).

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
    if method == "percentile":
        first, last = np.percentile(tissue, PERCENTILES)
        return np.clip((image - first) / max(last - first, np.finfo(np.float32).eps), 0, 1).astype(np.float32)
    return (image - tissue.mean()) / max(float(tissue.std()), np.finfo(np.float32).eps)
