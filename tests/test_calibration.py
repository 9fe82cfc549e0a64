"""The score of a lesion out of its highest probability."""

import math

import numpy as np
import pytest

from mammoseg.calibration import Calibration


def test_a_score_is_the_logistic_of_scale_and_offset_on_the_logit():
    calibration = Calibration(scale=2.0, offset=1.0, fitted_on="films")
    assert float(calibration(0.5)) == pytest.approx(1 / (1 + math.exp(-1)))  # logit 0
    assert float(calibration(0.75)) == pytest.approx(1 / (1 + math.exp(-2 * math.log(3) - 1)))  # logit ln 3


def test_the_order_of_lesions_stays_and_0_and_1_have_a_score():
    scores = Calibration(scale=0.3, offset=-1.0, fitted_on="films")([0, 0.1, 0.5, 0.9, 1])
    assert np.all(np.diff(scores) > 0) and 0 < scores[0] and scores[-1] < 1


def test_in_words_it_has_both_numbers_and_the_data():
    text = str(Calibration(scale=0.36, offset=-1.026, fitted_on="films"))
    assert text == "sigmoid(0.36 logit(highest probability) -1.026) fitted on films"
