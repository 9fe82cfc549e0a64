"""Focal Tversky loss over classes, worked out by hand."""

import pytest

from mammoseg.losses.class_focal_tversky import ClassFocalTverskyLoss
from tests.losses.class_guess import GUESS, TRUTH


def test_focal_tversky_is_the_mean_over_the_classes_of_the_truth():
    # Classes 0 and 1 alike: TP 0.5, FN 0.5, FP 0.25; class 2 is nowhere in the truth.
    index = 0.5 / (0.5 + 0.7 * 0.5 + 0.3 * 0.25)
    loss = ClassFocalTverskyLoss(ignored=255, smooth=0.0)(GUESS, TRUTH)
    assert loss.item() == pytest.approx((1 - index) ** 0.75, rel=1e-5)
