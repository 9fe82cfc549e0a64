"""Scores of masks small enough to count by hand."""

import math

import numpy as np
import pytest

from mammoseg.metrics import (
    SCORES,
    compute_accuracy,
    compute_dice,
    compute_false_positive_area,
    compute_hausdorff_distance,
    compute_hausdorff_of_points,
    compute_hausdorff_of_rows,
    compute_iou,
    compute_precision,
    compute_relative_area_difference,
    compute_segmentation_scores,
    compute_sensitivity,
)

TRUTH = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]])  # 4 true pixels of 12
FOUND = np.array([[0, 0, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1]])  # 6 predicted, 3 of them true
EMPTY = np.zeros((3, 4), int)
OF_A_MASS = ("dice", "iou", "sensitivity", "precision", "relative_area_difference", "hausdorff_px", "hausdorff_mm")


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (compute_dice, 2 * 3 / (6 + 4)),
        (compute_iou, 3 / 7),
        (compute_sensitivity, 3 / 4),
        (compute_precision, 3 / 6),
        (compute_accuracy, 8 / 12),
        (compute_relative_area_difference, 2 / 4),
    ],
)
def test_score_follows_its_formula(compute, expected):
    assert compute(FOUND, TRUTH) == pytest.approx(expected)


def test_equal_masks_have_the_best_scores():
    scores = compute_segmentation_scores(TRUTH, TRUTH, spacing_mm=(0.1, 0.1))

    assert [scores[name] for name in OF_A_MASS] == [1, 1, 1, 1, 0, 0, 0]


def test_empty_prediction_on_a_mass_counts_with_the_worst_scores():
    scores = compute_segmentation_scores(EMPTY, TRUTH, spacing_mm=(2.0, 2.0))

    assert [scores[name] for name in OF_A_MASS] == [0, 0, 0, 0, 1, 5, 10]  # the diagonal of 3 x 4 is 5


@pytest.mark.parametrize("prediction", [EMPTY, FOUND], ids=["empty", "not empty"])
def test_empty_truth_has_no_score_of_a_mass(prediction):
    scores = compute_segmentation_scores(prediction, EMPTY, spacing_mm=(0.1, 0.1))

    assert all(math.isnan(scores[name]) for name in OF_A_MASS)


def test_empty_truth_has_a_false_positive_area():
    scores = compute_segmentation_scores(FOUND, EMPTY, spacing_mm=(0.5, 0.25))

    assert (scores["false_positive_area_px"], scores["false_positive_area_mm2"]) == (6, 0.75)


def test_false_positive_area_is_nan_where_there_is_a_mass():
    assert math.isnan(compute_false_positive_area(FOUND, TRUTH))


def test_scores_in_mm_are_nan_without_spacing():
    with_mass, without_mass = compute_segmentation_scores(FOUND, TRUTH), compute_segmentation_scores(FOUND, EMPTY)

    assert math.isnan(with_mass["hausdorff_mm"]) and math.isnan(without_mass["false_positive_area_mm2"])


def test_scores_come_in_the_order_of_the_table():
    assert tuple(compute_segmentation_scores(FOUND, TRUTH)) == SCORES


def test_hausdorff_distance_measures_rows_and_columns_in_mm():
    corner, opposite = np.zeros((4, 5), bool), np.zeros((4, 5), bool)
    corner[0, 0] = opposite[3, 2] = True  # 3 rows, 2 columns apart

    assert compute_hausdorff_distance(corner, opposite, spacing=(1.0, 2.0)) == 5


def test_hausdorff_distance_takes_the_larger_of_both_directions():
    point, point_and_far_away = np.zeros((1, 10), bool), np.zeros((1, 10), bool)
    point[0, 0] = point_and_far_away[0, [0, 7]] = True

    assert compute_hausdorff_distance(point, point_and_far_away) == 7
    assert compute_hausdorff_distance(point_and_far_away, point) == 7


def test_hausdorff_distance_compares_outlines_as_monai_does():
    solid = np.ones((7, 7), bool)
    frame = solid.copy()
    frame[1:-1, 1:-1] = False

    assert compute_hausdorff_distance(solid, frame) == 0


def test_masks_on_two_grids_are_refused():
    with pytest.raises(ValueError, match=r"prediction is \(3, 4\), target is \(4, 3\).*resample"):
        compute_dice(EMPTY, EMPTY.T)


def test_probability_is_refused():
    with pytest.raises(ValueError, match="prediction has values other than 0 and 1; apply the threshold"):
        compute_segmentation_scores(FOUND * 0.7, TRUTH)


def test_channel_axis_is_refused():
    with pytest.raises(ValueError, match=r"target has shape \(1, 3, 4\)"):
        compute_dice(FOUND, TRUTH[None])


def test_hausdorff_distance_of_all_points_sees_the_hole_that_outlines_do_not():
    solid = np.ones((7, 7), bool)
    frame = solid.copy()
    frame[1:-1, 1:-1] = False

    assert compute_hausdorff_of_points(solid, frame) == 3  # from the middle to the frame
    assert compute_hausdorff_of_points(solid, frame, spacing=(2.0, 1.0)) == 3  # by a row, not by a column
    assert compute_hausdorff_of_points(solid, solid) == 0


def test_hausdorff_distance_of_rows_is_the_root_of_the_pixels_that_the_worst_row_differs_by():
    square, lower = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    square[1:3, 1:5] = lower[5:7, 1:5] = True  # the same rows elsewhere
    wide = np.zeros((8, 8), bool)
    wide[1:3, 0:8] = True

    assert compute_hausdorff_of_rows(square, lower) == 0
    assert compute_hausdorff_of_rows(square, wide) == 2  # four pixels more in a row
    assert compute_hausdorff_of_rows(np.zeros((8, 8), bool), wide) == math.sqrt(8)
