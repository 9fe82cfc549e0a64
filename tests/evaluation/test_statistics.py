"""Intervals and tests on numbers small enough to follow."""

import math

import numpy as np
import pytest

from mammoseg.evaluation.statistics import bootstrap_mean_interval, holm_adjusted, wilcoxon_p_value

NORMAL = np.random.default_rng(0).normal(loc=0.6, scale=0.2, size=400).tolist()


def test_interval_of_many_images_is_that_of_the_normal_distribution():
    low, high = bootstrap_mean_interval(NORMAL, range(400))

    half = 1.96 * np.std(NORMAL, ddof=1) / math.sqrt(400)
    assert (low, high) == pytest.approx((np.mean(NORMAL) - half, np.mean(NORMAL) + half), abs=0.002)


def test_images_of_one_patient_are_drawn_together():
    alone, together = (
        bootstrap_mean_interval(NORMAL, range(400)),
        bootstrap_mean_interval(NORMAL * 2, [*range(400)] * 2),
    )

    assert together == pytest.approx(alone)


def test_images_without_patient_stand_alone():
    assert bootstrap_mean_interval(NORMAL, [None] * 400) == bootstrap_mean_interval(NORMAL, range(400))


def test_interval_repeats_with_its_seed():
    assert bootstrap_mean_interval(NORMAL, range(400), seed=3) == bootstrap_mean_interval(NORMAL, range(400), seed=3)


def test_interval_leaves_nan_out():
    assert bootstrap_mean_interval([0.5, math.nan, 0.5], ["a", "b", "c"]) == (0.5, 0.5)


def test_one_patient_has_no_interval():
    assert np.isnan(bootstrap_mean_interval([0.5, 0.7], ["a", "a"])).all()


def test_six_better_images_of_six_have_the_exact_p_value():
    assert wilcoxon_p_value([1, 2, 3, 4, 5, 6], [0] * 6) == pytest.approx(2 / 2**6)


def test_equal_scores_have_p_of_one():
    assert wilcoxon_p_value([0.3, 0.5], [0.3, 0.5]) == 1


def test_no_pair_has_no_p_value():
    assert math.isnan(wilcoxon_p_value([], []))


def test_holm_multiplies_the_smallest_p_by_the_number_of_tests():
    assert holm_adjusted([0.04, 0.01, math.nan, 0.03]) == pytest.approx([0.06, 0.03, math.nan, 0.06], nan_ok=True)
