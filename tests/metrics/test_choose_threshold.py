"""The threshold with the best Dice, and how sure that is."""

import numpy as np
import pytest

from mammoseg.metrics.choose_threshold import THRESHOLDS, choose_threshold, compute_dice_by_threshold
from mammoseg.metrics.overlap import compute_dice


def test_dice_at_each_threshold_is_that_of_the_mask_there():
    random = np.random.default_rng(0)
    probability = np.round(random.random((20, 30)) * 20).astype(np.float32) / 20  # many at a threshold itself
    truth = random.random((20, 30)) < 0.3
    expected = [compute_dice(probability >= threshold, truth) for threshold in THRESHOLDS]
    assert compute_dice_by_threshold(probability, truth) == pytest.approx(expected)


def test_an_image_without_a_mass_has_no_dice_and_no_say():
    nothing = compute_dice_by_threshold(np.ones((2, 2)), np.zeros((2, 2), bool))
    assert np.isnan(nothing).all()
    best_at_half = np.where(np.isclose(THRESHOLDS, 0.5), 0.8, 0.2)
    chosen = choose_threshold(np.array([best_at_half, nothing]), np.array([0, 1]))
    assert chosen.threshold == 0.5 and max(chosen.dice) == 0.8


def test_the_interval_is_that_of_choices_by_draws_of_whole_patients():
    low, high = (np.where(np.isclose(THRESHOLDS, best), 1.0, 0.0) for best in (0.2, 0.7))
    alike = choose_threshold(np.array([low] * 10), np.arange(10))
    assert (alike.threshold, alike.interval) == (0.2, (0.2, 0.2))
    divided = choose_threshold(np.array([low] * 6 + [high] * 5), np.arange(11))
    assert (divided.threshold, divided.interval) == (0.2, (0.2, 0.7))
