"""FROC of masses: marks, hits, false marks, curves and intervals."""

import math

import numpy as np
import pytest
from monai.metrics import compute_froc_curve_data, compute_froc_score

from mammoseg.metrics.froc import (
    FALSE_POSITIVES,
    RULES,
    SHOWN_FALSE_POSITIVES,
    SHOWN_RULE,
    FoundLesions,
    bootstrap_froc,
    compute_froc,
    find_lesions_by_marks,
    find_marks,
)


def image(*blobs: tuple[int, int, int, float], size: int = 64) -> np.ndarray:
    """Squares of probability: row, column, side, value."""
    probability = np.zeros((size, size))
    for row, column, side, value in blobs:
        probability[row : row + side, column : column + side] = value
    return probability


def test_what_is_said_of_a_curve_stands_in_its_table():
    assert set(SHOWN_FALSE_POSITIVES) <= set(FALSE_POSITIVES) and SHOWN_RULE in RULES


def test_a_mark_is_cut_at_half_of_its_highest_value_and_scored_by_it():
    probability = image((10, 10, 10, 0.3), (12, 12, 4, 0.8))
    (mark,) = find_marks(probability)
    assert mark.score == 0.8 and mark.inside.sum() == 16


def test_specks_and_what_is_below_the_floor_are_no_marks():
    assert find_marks(image((10, 10, 2, 0.9), (30, 30, 8, 0.05), size=256)) == []  # 4 pixels of the 6 that it takes
    assert len(find_marks(image((10, 10, 3, 0.06), size=256))) == 1


def test_on_a_grid_of_twice_the_side_a_mark_has_four_times_the_pixels():
    assert find_marks(image((10, 10, 4, 0.9), size=512)) == []  # 16 of the 24 that it takes
    assert len(find_marks(image((10, 10, 5, 0.9), size=512))) == 1


def test_each_rule_finds_what_it_should():
    truth = image((10, 10, 10, 1), (40, 40, 10, 1)).astype(bool)
    inside = image((14, 14, 2, 0.9), (44, 30, 20, 0.6))  # small, its centre in the first; large, beside the second
    found = find_lesions_by_marks(inside, truth)
    assert found["iou"].lesions == (-math.inf, -math.inf)  # 4 / 100, and 60 / 440
    assert found["centre"].lesions == (0.9, -math.inf) and found["centre"].false == (0.6,)
    assert found["either"].lesions == (0.9, -math.inf)


def test_a_mass_counts_once_however_many_marks_find_it():
    truth = image((10, 10, 20, 1)).astype(bool)
    two = image((12, 12, 5, 0.9), (22, 22, 5, 0.7))
    found = find_lesions_by_marks(two, truth)["centre"]
    assert found == FoundLesions(lesions=(0.9,), false=(), true=(0.9, 0.7))


def test_the_curve_of_four_images_is_the_one_counted_by_hand():
    images = [
        FoundLesions((0.9,), (0.8,)),
        FoundLesions((0.7, -math.inf), ()),
        FoundLesions((), (0.6, 0.5)),
        FoundLesions((0.55,), ()),
    ]
    curve = compute_froc(images)
    assert curve.find_sensitivity(0) == 0.25  # one of four above 0.8
    assert curve.find_sensitivity(0.25) == 0.5  # 0.9 and 0.7, with one false mark in four images
    assert curve.find_sensitivity(0.5) == 0.75
    assert curve.find_sensitivity(0.75) == 0.75 and curve.end == 0.75 and (curve.lesions, curve.images) == (4, 4)
    assert math.isnan(curve.find_sensitivity(1))  # beyond all marks, 0.75 an image: nobody knows what one more finds


def test_without_a_mass_there_is_no_sensitivity():
    assert math.isnan(compute_froc([FoundLesions((), (0.5,))]).find_sensitivity(1))


def test_images_without_a_mass_count_for_the_false_marks():
    assert compute_froc([FoundLesions((0.9,), ()), FoundLesions((), (0.5,))]).end == 0.5


def test_marks_of_equal_score_are_counted_together():
    curve = compute_froc([FoundLesions((0.5, 0.5), (0.5,))])
    assert (curve.find_sensitivity(0), curve.find_sensitivity(1)) == (0, 1)


def test_no_image_is_refused():
    with pytest.raises(ValueError, match="over no image"):
        compute_froc([])


def test_the_curve_agrees_with_monai():
    random = np.random.default_rng(0)
    images = [
        FoundLesions(tuple(random.random(random.integers(3))), tuple(random.random(random.integers(4))))
        for _ in range(40)
    ]
    true = np.array([score for found in images for score in found.lesions])
    false = np.array([score for found in images for score in found.false])
    rates, sensitivity = compute_froc_curve_data(false, true, len(true), len(images))
    thresholds = (0.25, 0.5, 1)
    ours = compute_froc(images)
    score = compute_froc_score(rates, sensitivity, thresholds)
    assert np.mean([ours.find_sensitivity(rate) for rate in thresholds]) == pytest.approx(score, abs=1 / len(true))


def test_the_interval_draws_patients_and_holds_the_value():
    images = [
        FoundLesions((0.9,) if number % 2 else (-math.inf,), (0.1,), group=f"P{number // 2}") for number in range(40)
    ]
    assert bootstrap_froc(images, false_positives=[1]) == [(0.5, 0.5)]  # every patient has one of each
    alone = [FoundLesions(found.lesions, found.false) for found in images]
    ((low, high),) = bootstrap_froc(alone, false_positives=[1])
    assert low < 0.5 < high


def test_a_draw_of_every_patient_once_gives_the_value_of_the_curve():
    random = np.random.default_rng(1)
    one_patient = [FoundLesions(tuple(random.random(2).round(1)), tuple(random.random(3).round(1))) for _ in range(30)]
    twice = [FoundLesions(found.lesions, found.false, group=name) for found in one_patient for name in ("P1", "P2")]
    rates = (0.1, 0.25, 0.5, 1, 2)
    curve = compute_froc(one_patient)
    two_alike = bootstrap_froc(twice, false_positives=rates, resamples=50)  # any draw of both is the same images
    assert two_alike == [(curve.find_sensitivity(rate), curve.find_sensitivity(rate)) for rate in rates]


def test_without_two_patients_there_is_no_interval():
    (ends,) = bootstrap_froc([FoundLesions((0.9,), (), group="P1")] * 5, false_positives=[1])
    assert all(map(math.isnan, ends))


def test_19_of_20_intervals_hold_the_truth_when_patients_are_drawn_and_fewer_when_images_are():
    random = np.random.default_rng(0)
    holds = {"patients": 0, "images": 0}
    for _ in range(200):
        found = random.random(50) < 0.7  # both views of a patient are found, or neither
        images = [
            FoundLesions((0.9 if found[patient] else -math.inf,), (0.1,), group=f"P{patient}")
            for patient in range(50)
            for _ in range(2)
        ]
        drawn = {"patients": images, "images": [FoundLesions(one.lesions, one.false) for one in images]}
        for unit, of_unit in drawn.items():
            ((low, high),) = bootstrap_froc(of_unit, false_positives=[1], resamples=200)
            holds[unit] += low <= 0.7 <= high
    assert 0.91 * 200 <= holds["patients"] <= 0.98 * 200
    assert holds["images"] < 0.88 * 200
