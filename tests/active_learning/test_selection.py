"""The order of picks: by score, with the views of one patient apart."""

from mammoseg.active_learning.selection import pick_order

SCORES = {"a1": 0.9, "a2": 0.8, "a3": 0.7, "b1": 0.5, "c1": 0.6, "c2": 0.1}
GROUPS = {image: image[0] for image in SCORES}


def test_the_highest_score_is_first_and_equal_ones_go_by_name():
    assert pick_order({"y": 0.5, "x": 0.5, "z": 0.7}) == ["z", "x", "y"]


def test_without_groups_only_scores_count():
    assert pick_order(SCORES) == ["a1", "a2", "a3", "c1", "b1", "c2"]


def test_every_patient_has_a_turn_before_anyone_has_a_second():
    assert pick_order(SCORES, groups=GROUPS) == ["a1", "c1", "b1", "a2", "c2", "a3"]


def test_patients_with_labels_wait():
    assert pick_order(SCORES, groups=GROUPS, taken={"a": 1})[:3] == ["c1", "b1", "a1"]
