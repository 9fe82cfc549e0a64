"""Probabilities as log odds, and back."""

import numpy as np
from numpy.typing import ArrayLike

SMALLEST = 1e-7
"""Distance of a probability from 0 and 1 that is kept, so that its logit is finite."""

LARGEST = 80.0
"""Log odds beyond which a probability is as near to 0 or 1 as makes no difference; float32 overflows at 88."""


def logit(probability: ArrayLike) -> np.ndarray:
    """Log odds of probabilities, finite for 0 and 1 too; float64 of the same shape."""
    kept = np.clip(np.asarray(probability, float), SMALLEST, 1 - SMALLEST)
    return np.log(kept) - np.log1p(-kept)


def apply_sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of log odds, of the same shape and dtype.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.odds import apply_sigmoid, logit
        >>> apply_sigmoid(logit([0.25, 0.5])).round(6).tolist()
        [0.25, 0.5]
        >>> apply_sigmoid(np.float32([-1000, 1000])).round(6).tolist()
        [0.0, 1.0]
    """
    return 1 / (1 + np.exp(-np.clip(logits, -LARGEST, LARGEST)))
