"""The simulated annotator keeps its stated rules, and draws from its generator alone."""

import numpy as np
import pytest

from mammoseg.interactive.simulate import (
    DEEPEST,
    EDGE,
    LOOSE,
    MIDDLE,
    compute_depth,
    draw_faulty_mask,
    draw_first_click,
    draw_prompt_box,
    draw_stroke_inside,
    draw_stroke_outside,
    find_correcting_click,
    list_masses,
)
from tests.interactive.made_masses import made_film

MASS = made_film()[1][0]


def at(point: np.ndarray) -> tuple[int, int]:
    return int(point[0]), int(point[1])


@pytest.mark.parametrize("seed", range(20))
def test_a_first_click_is_in_the_middle_and_one_near_the_edge_in_the_rim(seed):
    depth = compute_depth(MASS)
    assert depth[at(draw_first_click(MASS, np.random.default_rng(seed)))] >= MIDDLE * depth.max()
    rim = depth[at(draw_first_click(MASS, np.random.default_rng(seed), near_edge=True))]
    assert 0 < rim <= max(1, EDGE * depth.max())


def test_a_correcting_click_is_deep_in_the_largest_error_and_says_which_kind_it_is():
    mask = MASS.copy()
    mask[:, :45] = False  # missed: the larger error
    mask[100:106, 100:106] = True  # too much: 36 pixels
    point, inside = find_correcting_click(mask, MASS, np.random.default_rng(0))
    missed = compute_depth(MASS & ~mask)
    assert inside and missed[at(point)] >= DEEPEST * missed.max()
    point, inside = find_correcting_click(MASS | mask, MASS, np.random.default_rng(0))
    assert not inside and 100 <= point.min() and point.max() < 106
    assert find_correcting_click(MASS, MASS, np.random.default_rng(0)) is None


def test_a_box_is_around_the_mass_and_a_loose_one_leaves_room():
    rows, columns = np.flatnonzero(MASS.any(1)), np.flatnonzero(MASS.any(0))
    height, width = len(rows), len(columns)
    top, left, bottom, right = draw_prompt_box(MASS, np.random.default_rng(1), loose=True)
    assert LOOSE[0] * height <= rows[0] - top <= LOOSE[1] * height
    assert LOOSE[0] * width <= right - columns[-1] - 1 <= LOOSE[1] * width
    assert bottom > rows[-1] + 1 and left < columns[0]


def test_strokes_begin_and_end_on_their_side_of_the_edge():
    random = np.random.default_rng(2)
    assert all(MASS[at(point)] for point in draw_stroke_inside(MASS, random))
    assert not any(MASS[at(point)] for point in draw_stroke_outside(MASS, random))


def test_a_faulty_mask_is_one_part_and_more_wrong_the_larger_its_fault():
    wrong = [
        np.mean([(draw_faulty_mask(MASS, np.random.default_rng(seed), fault=fault) ^ MASS).sum() for seed in range(20)])
        for fault in (0.05, 0.2, 0.5)
    ]
    assert 0 < wrong[0] < wrong[1] < wrong[2] < MASS.sum()


def test_masses_of_a_label_are_its_parts_of_at_least_60_pixels():
    _, masses = made_film()
    label = masses[0] | masses[1]
    label[2:9, 2:9] = True  # 49 pixels
    assert [mass.sum() for mass in list_masses(label)] == [mass.sum() for mass in masses]


def test_the_same_generator_draws_the_same():
    draws = [draw_first_click(MASS, np.random.default_rng(5)).tolist() for _ in range(2)]
    assert draws[0] == draws[1] != draw_first_click(MASS, np.random.default_rng(6)).tolist()
