"""Which of two validations is better."""

import operator
from collections.abc import Callable, Iterable

LOWER_IS_BETTER = ("loss", "error", "distance", "hausdorff")
"""Words in the name of a metric of which the lowest value is the best."""


def lowest_is_best(names: Iterable[str]) -> bool:
    """Whether the lowest value of a key metric is the best, by its name.

    Args:
        names: what a config's ``key_metric`` holds; MONAI compares the first.

    Examples:
        >>> from mammoseg.training.best import lowest_is_best
        >>> lowest_is_best(["val_loss"]), lowest_is_best(["val_mean_dice"])
        (True, False)
    """
    return any(word in next(iter(names)).lower() for word in LOWER_IS_BETTER)


def is_better(*, lowest: bool) -> Callable[[float, float], bool]:
    """A function of a new value and the best one so far, for MONAI's ``metric_cmp_fn``.

    Args:
        lowest: whether the lowest value is the best.
    """
    return operator.lt if lowest else operator.gt
