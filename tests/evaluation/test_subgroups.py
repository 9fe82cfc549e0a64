"""Parts of the images, counted by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from mammoseg.evaluation.pairs import align, compare_pairs
from mammoseg.evaluation.subgroups import compare_in_subgroups, describe_subgroups, list_subgroups
from mammoseg.metrics import SCORES


def rows(dice, **facts):
    """An image each, of a patient of its own; facts are lists."""
    return [
        {"image_id": f"i{number}", "patient_id": f"P{number}", "grid": "network", "has_mass": True}
        | dict.fromkeys(SCORES, 0.5)
        | {"dice": value}
        | {name: values[number] for name, values in facts.items() if values[number] is not None}
        for number, value in enumerate(dice)
    ]


FACTS = {"subtlety": [1, 1, 2, 2, None, 2], "view": ["CC"] * 6, "truth_px": [0, 10, 20, 30, 40, 50]}


def test_levels_are_those_that_the_rows_have_and_a_field_of_one_level_is_none():
    aligned = align({"a": rows([0.1] * 6, **FACTS)}, grid="network")
    found = {(field, level): images.tolist() for field, level, images in list_subgroups(aligned)}
    assert found[("subtlety", "1")] == [True, True, False, False, False, False]
    assert found[("subtlety", "2")] == [False, False, True, True, False, True]
    assert "view" not in {field for field, _ in found}


def test_quartiles_are_of_the_images_with_a_mass():
    aligned = align({"a": rows([0.1] * 9, truth_px=[0, 1, 2, 3, 4, 5, 6, 7, 8])}, grid="network")
    sizes = {level: np.flatnonzero(images).tolist() for field, level, images in list_subgroups(aligned)}
    assert sizes == {"1 (1 to 2 px)": [1, 2], "2 (3 to 4 px)": [3, 4], "3 (5 to 6 px)": [5, 6], "4 (7 to 8 px)": [7, 8]}


def test_mean_of_a_subgroup_is_that_of_its_images_with_the_score():
    tables = {"a": rows([0.2, 0.4, 0.6, math.nan, 0.9, 0.8], **FACTS)}
    described = {(row["field"], row["level"]): row for row in describe_subgroups(align(tables, grid="network"))}
    two = described[("subtlety", "2")]
    assert (two["images"], two["mean"]) == (2, pytest.approx(0.7))


def test_holm_allows_for_all_levels_of_a_field():
    better = [0.3 + 0.01 * number for number in range(12)]
    facts = {"density": [1] * 6 + [2] * 6}
    tables = {"a": rows(better, **facts), "b": rows([0.2] * 6 + [0.5] * 6, **facts)}

    first, second = compare_in_subgroups(align(tables, grid="network"))

    assert (first["level"], second["level"], first["images"]) == ("1", "2", 6)
    assert first["p"] == pytest.approx(stats.wilcoxon(np.array(better[:6]) - 0.2).pvalue) == 2 / 2**6
    assert (first["p_holm"], second["p_holm"]) == (2 * 2 / 2**6, 2 * 2 / 2**6)


def test_a_run_that_lacks_images_is_compared_on_those_it_has():
    tables = {"a": rows([0.1, 0.2, 0.3]), "b": rows([0.2, 0.4])}
    (pair,) = compare_pairs(align(tables, grid="network"), scores=["dice"])
    assert (pair["images"], pair["mean_difference"]) == (2, pytest.approx(-0.15))
