"""The strategies by name, and the one function that ranks images by any of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from mammoseg.active_learning.diversity import compute_distance_to_nearest
from mammoseg.active_learning.hybrid import multiply_ranks
from mammoseg.active_learning.scores import ImageScores
from mammoseg.errors import make_unknown_name_error

STRATEGIES = {
    "random": "Any image, all alike",
    "first": "The first image by its name",
    "uncertainty_mean": "Highest mean entropy over the breast",
    "uncertainty_top": "Highest mean entropy of the most uncertain 1 % of the breast",
    "uncertainty_outline": "Highest mean entropy around the predicted outline",
    "tta": "Highest variance over test-time augmentations, top 1 % of the breast",
    "bald": "Highest disagreement (BALD) of dropout samples, else of test-time augmentations, top 1 % of the breast",
    "coreset": "Farthest from all labelled images in the network's features (greedy k-center)",
    "hybrid": "Uncertain (top 1 %) and far from the labelled images: product of both ranks",
}
"""What each strategy takes next, in words."""

WITHOUT_NETWORK = ("random", "first")
"""Strategies that need no scores."""

WITH_FEATURES = ("coreset", "hybrid")
"""Strategies that compare an image with the labelled ones."""


def list_wanted_scores(strategy: str) -> tuple[str, ...]:
    """Names of the scores that a strategy looks at."""
    return {"random": (), "first": (), "coreset": (), "hybrid": ("uncertainty_top",)}.get(strategy, (strategy,))


def check_strategy(strategy: str) -> None:
    """Refuse a name that is none of `STRATEGIES`.

    Raises:
        WrongCallError: it is not.
    """
    if strategy not in STRATEGIES:
        raise make_unknown_name_error("strategy", strategy, STRATEGIES)


def rate(
    strategy: str,
    images: Sequence[str],
    *,
    scores: Mapping[str, ImageScores],
    labelled: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Rate images for one pick: the highest is to be labelled next.

    Args:
        images: images that can be labelled.
        scores: scores of these and of the labelled images; not looked at by strategies that need none.
        labelled: images that are labelled, or given out and as good as labelled; those without scores do not count.
        rng: generator of ``random``.
    Raises:
        WrongCallError: unknown strategy.
    """
    check_strategy(strategy)
    if not images:
        return {}
    match strategy:
        case "random":
            values = rng.random(len(images))
        case "first":
            values = -np.argsort(np.argsort(images)).astype(float)
        case "coreset":
            values = _compute_diversity(images, labelled, scores)
        case "hybrid":
            uncertainty = np.array([scores[image].scores["uncertainty_top"] for image in images])
            values = multiply_ranks(uncertainty, _compute_diversity(images, labelled, scores))
        case _:
            values = np.array([scores[image].scores[strategy] for image in images])
    return dict(zip(images, values.tolist(), strict=True))


def _compute_diversity(images: Sequence[str], labelled: Sequence[str], scores: Mapping[str, ImageScores]) -> np.ndarray:
    features = np.stack([scores[image].features for image in images])
    known = [scores[image].features for image in labelled if image in scores]
    return compute_distance_to_nearest(features, np.array(known).reshape(len(known), features.shape[1]))
