"""Limits and areas, counted by hand."""

import math

import pytest

from mammoseg.evaluation.agreement import describe_agreement
from mammoseg.evaluation.good_enough import count_good_enough
from mammoseg.metrics import SCORES


def row(number, **values):
    return (
        {"image_id": f"i{number}", "patient_id": f"P{number}", "grid": "network"}
        | dict.fromkeys(SCORES, math.nan)
        | values
    )


def test_cases_at_the_limit_are_within_it_and_their_mean_is_of_them_alone():
    rows = [row(n, dice=dice, hausdorff_px=px) for n, (dice, px) in enumerate([(0.45, 2.75), (0.65, 3), (0.1, 1.25)])]
    counted = {(r["metric"], r["limit"]): r for r in count_good_enough({"a": [*rows, row(9)]}, grid="network")}

    good = counted[("dice", ">= 0.45")]
    assert (good["cases"], good["of"], good["share"]) == (2, 3, pytest.approx(2 / 3))
    assert good["mean"] == pytest.approx(0.55)
    assert counted[("hausdorff_px", "<= 2.75")]["mean"] == 2
    assert counted[("dice", ">= 0.65")]["cases"] == 1
    assert ("iou", ">= 0.35") not in counted  # nobody has one


def test_limits_of_agreement_are_mean_and_standard_deviations_of_the_differences():
    areas = [(110, 100), (90, 100), (130, 100), (70, 0)]  # the last has no mass
    rows = [row(n, predicted_px=p, truth_px=t) for n, (p, t) in enumerate(areas)]

    (described,) = describe_agreement({"a": rows, "older table": [row(1)]}, grid="network")

    assert (described["images"], described["mean_difference_px"]) == (3, 10)  # 10, -10, 30: standard deviation 20
    assert (described["lower_limit"], described["upper_limit"]) == pytest.approx((10 - 39.2, 10 + 39.2))
    assert described["mean_low"] < 10 < described["mean_high"]
