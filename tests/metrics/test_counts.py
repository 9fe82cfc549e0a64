"""Pixels and masses of one image, counted by hand."""

import numpy as np

from mammoseg.metrics import count_pixels_and_masses


def test_a_mass_is_missed_when_none_of_its_pixels_is_predicted():
    truth = np.zeros((12, 12), bool)
    truth[1:4, 1:4] = truth[6:8, 6:8] = truth[8, 8] = True  # 9 pixels; 4 and, by a corner, 1
    prediction = np.zeros((12, 12), bool)
    prediction[2:6, 2:6] = True  # 4 of the first, none of the second

    assert count_pixels_and_masses(prediction, truth) == {
        "predicted_px": 16,
        "truth_px": 14,
        "common_px": 4,
        "masses": 2,
        "missed_masses": 1,
    }
