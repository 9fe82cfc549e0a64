"""From scores to an order, with the views of one patient apart."""

from collections import Counter
from collections.abc import Mapping


def pick_order(
    scores: Mapping[str, float],
    *,
    groups: Mapping[str, str] | None = None,
    taken: Mapping[str, int] | None = None,
) -> list[str]:
    """Images, the next to label first: by score, and by name where scores are equal.

    With groups, an image waits until every other patient had as many: all patients' best images come first, then
    their second ones. So four views of one patient never stand in a row while others wait.

    Args:
        scores: score of each image that can be labelled; the highest comes first.
        groups: patient of each image; None keeps no views apart.
        taken: number of images of each patient that are labelled or given out already.
    """
    by_score = sorted(scores, key=lambda image: (-scores[image], image))
    if groups is None:
        return by_score
    turn = Counter(taken or {})
    turns = {}
    for image in by_score:
        turns[image] = turn[groups[image]]
        turn[groups[image]] += 1
    return sorted(by_score, key=turns.__getitem__)
