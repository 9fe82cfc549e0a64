"""Uncertainty comes from probabilities, and each aggregate looks at the pixels it is named for."""

import numpy as np
import pytest

from mammoseg.active_learning.uncertainty import (
    compute_binary_entropy,
    compute_region_mean,
    compute_top_mean,
    find_breast_region,
    find_outline_band,
)


def test_entropy_is_in_bits_from_0_to_1():
    entropy = compute_binary_entropy(np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    quarter = 0.25 * 2 + 0.75 * 0.4150374992788438  # -log2 of 1/4 and of 3/4
    np.testing.assert_allclose(entropy, [0, quarter, 1, quarter, 0])


def test_a_mask_has_no_uncertainty():
    assert not compute_binary_entropy(np.array([[0.0, 1.0], [1.0, 0.0]])).any()


def test_mean_is_of_the_region_alone():
    values = np.array([[0.2, 0.4], [1.0, 1.0]])
    assert compute_region_mean(values, np.array([[True, True], [False, False]])) == pytest.approx(0.3)
    assert compute_region_mean(values, np.zeros((2, 2), bool)) == 0


def test_top_is_one_percent_of_the_region():
    values = np.linspace(0, 1, 300).reshape(3, 100)
    region = np.zeros((3, 100), bool)
    region[:2] = True  # 200 pixels, the highest are 199 / 299 and 198 / 299
    assert compute_top_mean(values, region) == pytest.approx(198.5 / 299)
    assert compute_top_mean(values, np.zeros((3, 100), bool)) == 0


def test_top_of_a_small_region_is_one_pixel():
    assert compute_top_mean(np.array([[0.1, 0.7]]), np.ones((1, 2), bool)) == 0.7


def test_band_lies_on_both_sides_of_the_outline():
    probability = np.zeros((9, 9))
    probability[2:7, 2:7] = 0.9
    band = find_outline_band(probability, width=1)
    assert band.sum() == 7 * 7 - 3 * 3
    assert band[1, 1] and band[2, 2] and not band[3, 3] and not band[0, 0]


def test_nothing_predicted_takes_the_outline_of_the_most_suspicious_region():
    probability = np.zeros((9, 9))
    probability[2:7, 2:7] = 0.2
    probability[8, 8] = 0.05
    assert (find_outline_band(probability, width=1) == find_outline_band(probability > 0.1, width=1)).all()


def test_a_map_of_zeros_has_no_outline():
    assert not find_outline_band(np.zeros((5, 5))).any()


def test_breast_is_found_on_the_grid_of_the_image():
    image = np.zeros((96, 64), np.float32)
    image[20:80, :40] = 0.5
    breast = find_breast_region(image)
    assert breast.shape == (96, 64)
    assert breast[50, 10] and not breast[50, 60] and not breast[2, 10]
