"""The farthest image comes next, and uncertainty and distance are put together by their ranks."""

import numpy as np
import pytest

from mammoseg.active_learning.diversity import compute_distance_to_nearest
from mammoseg.active_learning.hybrid import multiply_ranks

FEATURES = np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])


def test_distance_is_to_the_nearest_labelled_image():
    np.testing.assert_allclose(
        compute_distance_to_nearest(FEATURES, np.array([[0.0, 0.0], [6.0, 7.0]])), [0, 18**0.5, 1]
    )


def test_with_nothing_labelled_the_most_central_image_is_first():
    assert compute_distance_to_nearest(FEATURES, np.empty((0, 2))).argmax() == 1


def test_the_value_of_the_only_image_is_no_negative_zero():
    assert str(compute_distance_to_nearest(FEATURES[:1], np.empty((0, 2)))[0]) == "0.0"


def test_taking_the_farthest_again_and_again_is_the_greedy_k_center():
    points = np.array([[0.0], [1.0], [9.0], [10.0], [5.4]])
    chosen = [0]
    for _ in range(2):
        chosen.append(int(compute_distance_to_nearest(points, points[chosen]).argmax()))
    assert chosen == [0, 3, 4]


def test_rank_product_of_hand_computed_ranks():
    # ranks 1, 2, 3 and 2, 1, 3
    np.testing.assert_allclose(
        multiply_ranks(np.array([0.9, 0.5, 0.1]), np.array([3.0, 7.0, 1.0])), [-(2**0.5)] * 2 + [-3]
    )


def test_the_weight_decides_which_rank_counts():
    first, second = np.array([2.0, 1.0]), np.array([1.0, 2.0])
    assert multiply_ranks(first, second, weight=1.0).tolist() == [-1, -2]
    assert multiply_ranks(first, second, weight=0.0).tolist() == [-2, -1]


def test_ties_share_their_rank():
    assert multiply_ranks(np.array([1.0, 1.0]), np.array([1.0, 1.0])).tolist() == pytest.approx([-1.5, -1.5])
