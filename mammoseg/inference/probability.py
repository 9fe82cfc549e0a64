"""From the image that a network sees to its mass probability, by any engine, with one look or two."""

import numpy as np

from mammoseg.inference.engines.engine import Engine
from mammoseg.odds import apply_sigmoid
from mammoseg.transforms.functional.mass_channels import make_channels_error


def compute_image_probability(engine: Engine, image: np.ndarray, *, flips: bool) -> np.ndarray:
    """Probability of mass, float32 ``(rows, columns)``: as `FlipInferer` and `compute_mass_probability` give it.

    Args:
        image: ``(in_channels, rows, columns)``.
        flips: whether it is the mean over the image and the image upside down, see `mammoseg.inference.flips`.

    Raises:
        ValueError: the network is none with one channel (mass) or two (background, mass).
    """
    found = compute_mass_channel(engine(image[None])[0])
    if not flips:
        return found
    turned = compute_mass_channel(engine(np.ascontiguousarray(image[None, :, ::-1]))[0])
    return (found + turned[::-1]) / 2


def compute_mass_channel(logits: np.ndarray) -> np.ndarray:
    """Probability of mass, ``(rows, columns)``.

    Args:
        logits: ``(1, rows, columns)`` for a sigmoid head, ``(2, rows, columns)`` (background, mass) for a softmax head.

    Raises:
        ValueError: for any other number of channels.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.inference.probability import compute_mass_channel
        >>> compute_mass_channel(np.zeros((1, 1, 1))).tolist()
        [[0.5]]
        >>> compute_mass_channel(np.log([[[1.0]], [[3.0]]])).round(2).tolist()
        [[0.75]]
    """
    if len(logits) == 1:
        return apply_sigmoid(logits[0])
    if len(logits) == 2:
        return apply_sigmoid(logits[1] - logits[0])
    raise make_channels_error(len(logits))
