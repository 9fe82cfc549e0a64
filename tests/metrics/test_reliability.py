"""Scores of marks against how often they are right."""

import math

import numpy as np
import pytest

from mammoseg.metrics.reliability import ReliabilityBin, compute_expected_calibration_error, compute_reliability


def test_bins_hold_marks_by_score_and_an_edge_belongs_to_the_upper_one():
    assert compute_reliability([0.1, 0.15, 0.2, 1.0], [False, True, True, True]) == [
        ReliabilityBin(0.1, 0.2, 2, pytest.approx(0.125), 0.5),
        ReliabilityBin(0.2, 0.3, 1, 0.2, 1.0),
        ReliabilityBin(0.9, 1.0, 1, 1.0, 1.0),
    ]


def test_scores_that_are_right_as_often_as_they_say_have_almost_no_error():
    random = np.random.default_rng(0)
    scores = random.random(20_000)
    right = random.random(20_000) < scores
    assert compute_expected_calibration_error(compute_reliability(scores, right)) < 0.02
    assert compute_expected_calibration_error(compute_reliability(scores**2, right)) == pytest.approx(1 / 6, abs=0.02)


def test_without_a_mark_there_is_no_error():
    assert math.isnan(compute_expected_calibration_error(compute_reliability([], [])))
