"""Cross entropy over classes, worked out by hand."""

import math

import pytest

from mammoseg.losses.class_cross_entropy import ClassCrossEntropy
from tests.losses.class_guess import GUESS, TRUTH


def test_cross_entropy_is_the_mean_over_the_pixels_that_count():
    loss = ClassCrossEntropy(ignored=255)(GUESS, TRUTH)
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.5)) / 2)
