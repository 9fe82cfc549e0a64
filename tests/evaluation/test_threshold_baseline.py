"""The threshold that a network has to beat."""

import math

import numpy as np
import pytest

from mammoseg.evaluation.threshold_baseline import ThresholdBaseline, evaluate_threshold, fit_threshold
from mammoseg.metrics import compute_dice

IMAGE = np.array([[0.1, 0.2, 0.6], [0.7, 0.8, 0.9]])
MASK = np.array([[0, 0, 0], [1, 1, 0]])


def test_threshold_has_the_best_dice_of_all_candidates():
    baseline = fit_threshold([(IMAGE, MASK)], candidates=[0.15, 0.5, 0.65, 0.85])

    assert baseline == ThresholdBaseline(threshold=0.65, training_dice=0.8)  # 3 predicted, 2 of 2 found


def test_intensity_equal_to_the_threshold_is_mass_in_fit_and_evaluation():
    baseline = fit_threshold([(IMAGE, MASK)], candidates=[0.7])

    assert evaluate_threshold(baseline, [(IMAGE, MASK)]) == [baseline.training_dice] == [0.8]


def test_training_dice_is_the_mean_over_images_as_the_metric_gives_it():
    random = np.random.default_rng(0)
    images = [(random.random((8, 9)), random.random((8, 9)) < 0.3) for _ in range(5)]

    baseline = fit_threshold(images)

    assert baseline.training_dice == pytest.approx(
        np.mean([compute_dice(image >= baseline.threshold, mask) for image, mask in images])
    )


def test_image_without_mass_does_not_move_the_threshold():
    without_mass = (np.ones((2, 3)), np.zeros((2, 3)))

    assert fit_threshold([(IMAGE, MASK), without_mass]) == fit_threshold([(IMAGE, MASK)])


def test_lowest_threshold_wins_a_tie():
    assert fit_threshold([(IMAGE, MASK)], candidates=[0.68, 0.62]).threshold == 0.62


def test_training_without_any_mass_is_refused():
    with pytest.raises(ValueError, match="no training image has a mass"):
        fit_threshold([(IMAGE, np.zeros_like(MASK))])


def test_evaluation_gives_the_dice_of_every_image():
    dice = evaluate_threshold(ThresholdBaseline(0.65, 0.8), [(IMAGE, MASK), (IMAGE, 0 * MASK)])

    assert dice[0] == pytest.approx(0.8) and math.isnan(dice[1])
