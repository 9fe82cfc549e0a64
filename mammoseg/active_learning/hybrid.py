"""Two orders made one: images that are both uncertain and unlike the labelled ones come first."""

import numpy as np
from scipy.stats import rankdata


def multiply_ranks(first: np.ndarray, second: np.ndarray, *, weight: float = 0.5) -> np.ndarray:
    """Weighted geometric mean of two ranks as a score, ``(images,)``: the higher, the better by both.

    Ranks count from 1 for the highest value, ties share their mean; ``-(rank_1 ** weight * rank_2 ** (1 - weight))``.
    Ranks need no common unit, so that entropies and distances can be put together.

    Args:
        weight: weight of the first, 0 to 1.
    """
    ranks = [rankdata(-values) for values in (first, second)]
    return -(ranks[0] ** weight * ranks[1] ** (1 - weight))
