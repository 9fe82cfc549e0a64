"""Pixels and masses of one image, counted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mammoseg.metrics.masks import as_mask_pair
from mammoseg.metrics.regions import Region, find_connected_regions


def count_pixels_and_masses(
    prediction: ArrayLike, target: ArrayLike, *, lesions: Sequence[Region] | None = None
) -> dict[str, int]:
    """What Dice of several images together needs, and how many masses were missed.

    Args:
        prediction: mask (H, W), after the threshold.
        target: the truth, mask (H, W).
        lesions: the masses one by one; None takes pixels of the truth that touch, by a corner too, for one mass.

    Returns:
        ``predicted_px``, ``truth_px``, ``common_px``; ``masses``; ``missed_masses``, those without a predicted pixel.

    Raises:
        ValueError: when the masks differ in shape or have values other than 0 and 1.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.metrics.counts import count_pixels_and_masses
        >>> truth = np.zeros((8, 8), bool)
        >>> truth[1:3, 1:3] = truth[5:7, 5:7] = True
        >>> count_pixels_and_masses(truth & (np.arange(8) < 4), truth)
        {'predicted_px': 4, 'truth_px': 8, 'common_px': 4, 'masses': 2, 'missed_masses': 1}
    """
    predicted, truth = as_mask_pair(prediction, target)
    lesions = find_connected_regions(truth) if lesions is None else lesions
    return {
        "predicted_px": int(np.count_nonzero(predicted)),
        "truth_px": int(np.count_nonzero(truth)),
        "common_px": int(np.count_nonzero(predicted & truth)),
        "masses": len(lesions),
        "missed_masses": sum(not predicted[lesion.box][lesion.inside].any() for lesion in lesions),
    }
