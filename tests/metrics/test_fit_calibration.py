"""Scale and offset out of marks that are known to be masses or not."""

import numpy as np
import pytest
from scipy.optimize import minimize

from mammoseg.calibration import Calibration
from mammoseg.metrics.fit_calibration import Marks, compute_calibration_error, fit_calibration, fit_scale_and_offset


def made_marks(count, *, scale=0.5, offset=-1.0):
    """Marks that are masses as often as such a calibration says, one a patient."""
    random = np.random.default_rng(0)
    scores = random.random(count)
    right = random.random(count) < Calibration(scale, offset, "made")(scores)
    return Marks(scores, right, np.arange(count))


def test_the_fit_finds_the_calibration_that_the_marks_follow():
    marks = made_marks(20_000)
    (fitted,) = fit_scale_and_offset(marks.scores, marks.right, np.ones((1, 20_000)))
    assert fitted == pytest.approx((0.5, -1.0), abs=0.05)


def test_the_fit_is_where_the_likelihood_is_highest():
    marks = made_marks(80, scale=2.0, offset=3.0)
    targets = np.where(marks.right, 1 - 1 / (marks.right.sum() + 2), 1 / ((~marks.right).sum() + 2))
    logits = np.log(marks.scores / (1 - marks.scores))

    def loss(parameters):
        margin = parameters[0] * logits + parameters[1]
        return np.sum(np.logaddexp(0, margin) - targets * margin)

    (fitted,) = fit_scale_and_offset(marks.scores, marks.right, np.ones((1, 80)))
    assert fitted == pytest.approx(minimize(loss, (1.0, 0.0)).x, abs=1e-3)


def test_where_higher_scores_are_no_likelier_masses_all_get_the_share_of_all():
    scores, right = np.repeat([0.2, 0.8], 100), np.repeat([True, False], 100)
    (fitted,) = fit_scale_and_offset(scores, right, np.ones((1, 200)))
    assert Calibration(*fitted, "made")([0.2, 0.8]) == pytest.approx([0.5, 0.5], abs=0.01)


def test_the_intervals_hold_what_the_marks_follow_and_the_error_falls_for_patients_not_seen():
    marks = made_marks(400)
    fit = fit_calibration(marks, fitted_on="made")
    assert fit.scale_interval[0] < 0.5 < fit.scale_interval[1] < 1
    assert fit.offset_interval[0] < -1 < fit.offset_interval[1] < -0.5
    before = compute_calibration_error(marks.scores, marks.right)
    assert compute_calibration_error(fit.cross_fitted, marks.right) < before / 3


def test_a_weight_of_two_is_the_same_as_the_mark_twice():
    marks = made_marks(50)
    weights = np.where(np.arange(50) < 10, 2.0, 1.0)
    twice = np.concatenate([np.arange(50), np.arange(10)])
    once = fit_scale_and_offset(marks.scores, marks.right, weights[None])
    assert once == pytest.approx(fit_scale_and_offset(marks.scores[twice], marks.right[twice], np.ones((1, 60))))


def test_marks_that_one_score_separates_leave_both_numbers_finite():
    scores, right = np.repeat([0.2, 0.8], 20), np.repeat([False, True], 20)
    ((scale, offset),) = fit_scale_and_offset(scores, right, np.ones((1, 40)))
    assert 0 < scale < 10 and abs(offset) < 10


def test_a_patient_is_judged_by_a_fit_to_others():
    """Each patient's marks contradict all others', so a fit that saw them would say more than one that did not."""
    scores, right = np.full(20, 0.5), np.arange(20) < 10
    fit = fit_calibration(Marks(scores, right, np.arange(20)), fitted_on="made")
    assert float(fit.calibration(0.5)) == pytest.approx(0.5)
    assert np.mean(fit.cross_fitted[right]) < 0.5 < np.mean(fit.cross_fitted[~right])


def test_the_same_seed_gives_the_same_fit():
    first, second = (fit_calibration(made_marks(60), fitted_on="made") for _ in range(2))
    assert first.calibration == second.calibration and first.scale_interval == second.scale_interval
    assert np.array_equal(first.cross_fitted, second.cross_fitted)
