"""Intervals and tests on numbers small enough to follow."""

import math

import numpy as np
import pytest
from scipy import stats

from mammoseg.evaluation.statistics import (
    adjust_by_holm,
    bootstrap_mean_interval,
    bootstrap_mean_intervals,
    compute_wilcoxon_p_value,
    compute_wilcoxon_p_values,
)

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
    assert compute_wilcoxon_p_value([1, 2, 3, 4, 5, 6], [0] * 6) == pytest.approx(2 / 2**6)


def test_equal_scores_have_p_of_one():
    assert compute_wilcoxon_p_value([0.3, 0.5], [0.3, 0.5]) == 1


@pytest.mark.parametrize("images", [1, 2, 5, 9, 13, 14])
def test_p_values_of_few_images_with_ties_and_zeros_are_those_of_scipy(images):
    rng = np.random.default_rng(images)
    for _ in range(3):
        differences = rng.integers(-3, 5, images)
        differences[0] = 2
        assert compute_wilcoxon_p_value(differences, [0] * images) == pytest.approx(stats.wilcoxon(differences).pvalue)


def test_no_pair_has_no_p_value():
    assert math.isnan(compute_wilcoxon_p_value([], []))


def test_holm_multiplies_the_smallest_p_by_the_number_of_tests():
    assert adjust_by_holm([0.04, 0.01, math.nan, 0.03]) == pytest.approx([0.06, 0.03, math.nan, 0.06], nan_ok=True)


def test_columns_at_once_have_the_intervals_that_each_has_alone():
    values = np.random.default_rng(1).normal(size=(60, 3))
    values[::7, 1] = math.nan  # of other patients than the rest
    patients = [f"P{number // 2}" for number in range(60)]
    values[:2, 2] = math.nan  # a patient less

    together = bootstrap_mean_intervals(values, patients)

    for column, interval in zip(values.T, together, strict=True):
        assert bootstrap_mean_interval(column.tolist(), patients) == pytest.approx(tuple(interval))


def test_interval_is_that_of_scipy_where_every_image_has_a_patient_of_its_own():
    (low, high), scipys = (
        bootstrap_mean_interval(NORMAL, range(400)),
        stats.bootstrap((NORMAL,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval,
    )
    assert (low, high) == pytest.approx((scipys.low, scipys.high), abs=0.002)


@pytest.mark.parametrize("images", [20, 80], ids=["exact", "many"])
def test_p_values_of_columns_at_once_are_those_of_each_alone(images):
    differences = np.random.default_rng(2).normal(0.1, 1, size=(images, 4))
    differences[:, 1] = 0
    differences[:3, 2] = math.nan
    differences[:, 3] = np.round(differences[:, 3])  # with zeros and ties

    for column, p in zip(differences.T, compute_wilcoxon_p_values(differences), strict=True):
        known = column[~np.isnan(column)].tolist()
        assert p == pytest.approx(compute_wilcoxon_p_value(known, [0] * len(known)))


def coverage(patients: int, repeats: int, *, by_patient: bool) -> float:
    """How often the interval holds the true mean of 0, when two images of a patient share most of their score."""
    random, held = np.random.default_rng(0), 0
    groups = [f"P{number // 2}" if by_patient else None for number in range(2 * patients)]
    for _ in range(repeats):
        shared = np.repeat(random.normal(size=patients), 2)
        low, high = bootstrap_mean_interval(shared + random.normal(0, 0.3, 2 * patients), groups, resamples=500)
        held += low <= 0 <= high
    return held / repeats


def test_interval_by_patient_holds_the_mean_and_one_by_image_is_too_sure():
    assert 0.91 <= coverage(60, 300, by_patient=True) <= 0.98
    assert coverage(60, 300, by_patient=False) < 0.89


@pytest.mark.slow
@pytest.mark.parametrize("patients", [30, 100, 400])
def test_coverage_nears_95_per_cent(patients):
    assert 0.925 <= coverage(patients, 3000, by_patient=True) <= 0.965
