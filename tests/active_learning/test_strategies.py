"""Each strategy rates by what it says."""

import numpy as np
import pytest

from mammoseg.active_learning.scores import SCORES, ImageScores
from mammoseg.active_learning.strategies import STRATEGIES, rate
from mammoseg.errors import WrongCallError


def scored(value: float, place: float) -> ImageScores:
    return ImageScores(dict.fromkeys(SCORES, value), np.array([place, 0.0], np.float32))


IMAGES = {"a": scored(0.1, 0), "b": scored(0.3, 1), "c": scored(0.2, 9), "done": scored(0.9, 0)}


def best(strategy: str, *, labelled=("done",), seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    rated = rate(strategy, ["b", "a", "c"], scores=IMAGES, labelled=labelled, rng=rng)
    return max(rated, key=rated.__getitem__)


@pytest.mark.parametrize("strategy", SCORES)
def test_scores_take_the_highest(strategy):
    assert best(strategy) == "b"


def test_first_goes_by_name():
    assert best("first") == "a"


def test_random_takes_every_image_some_time():
    assert {best("random", seed=seed) for seed in range(20)} == {"a", "b", "c"}


def test_coreset_takes_the_farthest_from_what_is_labelled():
    assert best("coreset") == "c"
    assert best("coreset", labelled=("done", "c")) == "b"


def test_labelled_images_without_scores_do_not_count():
    assert best("coreset", labelled=("unknown",)) == "b"  # nearest to the mean, 10 / 3


def test_hybrid_weighs_both():
    # uncertainty ranks b 1, c 2, a 3; distance ranks c 1, b 2, a 3: b and c are equal, and a is last
    rated = rate("hybrid", list("abc"), scores=IMAGES, labelled=["done"], rng=np.random.default_rng(0))
    assert rated["b"] == rated["c"] > rated["a"]


def test_nothing_to_rate_is_no_error():
    assert rate("coreset", [], scores={}, labelled=[], rng=np.random.default_rng(0)) == {}


def test_an_unknown_strategy_is_named_with_the_known_ones():
    with pytest.raises(WrongCallError, match=f"'best'; known: {', '.join(STRATEGIES)}"):
        best("best")
