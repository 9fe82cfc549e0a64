"""A simulated annotator outlines masses: what is counted."""

import numpy as np
import pytest
import torch

from mammoseg.evaluation.evaluate_prompts import (
    FRAME,
    PROPOSAL,
    STARTS,
    Outlined,
    correct_proposals,
    load_films,
    outline_masses,
    summarise_outlines,
)
from mammoseg.interactive.prompts import Prompts
from tests.tiny_run import write_tiny_dataset


class Growing:
    """A model that adds a disc at each click, and takes none away."""

    name = "growing"

    def prepare(self, image: np.ndarray) -> tuple[int, ...]:
        return image.shape

    def segment(self, prepared: tuple[int, ...], prompts: Prompts) -> np.ndarray:
        rows, columns = np.ogrid[: prepared[0], : prepared[1]]
        mask = np.zeros(prepared, bool)
        for row, column in prompts.foreground:
            mask |= np.hypot(rows - row, columns - column) <= 20
        return mask


def outlined(dice: list[float], **facts) -> Outlined:
    given = {"image_id": "a", "patient_id": "p", "mass": 0, "pixels": 100, "seed": 0, "start": "click"} | facts
    return Outlined(dice=tuple(dice), **given)


def test_who_has_nothing_to_correct_stops_and_keeps_the_score():
    one = outlined([0.5, 0.82, 0.9])
    assert [one.get_dice_after(count) for count in (1, 2, 3, 10)] == [0.5, 0.82, 0.9, 0.9]
    assert [one.count_prompts_to(goal) for goal in (0.4, 0.8, 0.85, 0.95)] == [1, 2, 3, None]


def test_a_summary_is_the_mean_over_masses_of_each_annotator_and_tells_small_masses_apart():
    found = [
        outlined([0.6, 0.9], seed=seed, image_id=image, patient_id=image, pixels=pixels)
        if image == "a"
        else outlined([0.8 + seed / 10], seed=seed, image_id=image, patient_id=image, pixels=pixels)
        for seed in (0, 1)
        for image, pixels in (("a", 100), ("b", 300))
    ]
    summary = summarise_outlines(found)
    assert summary["masses"] == 2 and summary["median_pixels"] == 200
    assert summary["click"]["dice"]["1"] == {
        "mean": pytest.approx(0.725),
        "lowest": pytest.approx(0.7),
        "highest": pytest.approx(0.75),
        "interval": [
            pytest.approx(0.6),
            pytest.approx(0.85),
        ],  # one of the two patients twice in a quarter of the draws
    }
    assert summary["click"]["dice_small"]["2"]["mean"] == pytest.approx(0.9)
    goal = summary["click"]["to"]["0.85"]
    assert goal["never"] == 0.25 and goal["median"] == 2, "two clicks twice, one click once, never once"


def test_each_mass_is_outlined_by_each_annotator_from_each_start_the_same_again(tmp_path):
    films = load_films(write_tiny_dataset(tmp_path), section="test")
    assert tuple(films[0]["image"].shape) == (1, *FRAME)
    one, other = (list(outline_masses(Growing(), films, seeds=(0, 1))) for _ in range(2))
    assert one == other and len(one) == 3 * 2 * len(STARTS)
    clicks = [each for each in one if each.start == "click"]
    assert all(len(each.dice) > 1 for each in clicks)
    assert (
        np.mean([each.get_dice_after(10) for each in clicks]) > np.mean([each.get_dice_after(1) for each in clicks]) > 0
    )


def test_a_proposal_is_told_before_any_click_and_then_corrected(tmp_path):
    films = load_films(write_tiny_dataset(tmp_path), section="test")
    whole, nothing = (
        list(correct_proposals(Growing(), films, propose, seeds=(0, 1)))
        for propose in (lambda film: film > -1, lambda film: film < -1)
    )
    assert len(whole) == len(nothing) == 3 * 2 and {each.start for each in whole} == {PROPOSAL}
    for each in whole:
        assert each.get_dice_after(0) == pytest.approx(2 * each.pixels / (each.pixels + FRAME[0] * FRAME[1]))
    assert all(each.get_dice_after(0) == 0 and each.get_dice_after(1) > 0 for each in nothing)
    summary = summarise_outlines(nothing)[PROPOSAL]
    assert summary["dice"]["0"]["mean"] == 0 and list(summary["dice"]) == ["0", "1", "2", "3", "5", "10"]


def test_a_model_that_proposes_looks_at_each_film_once(tmp_path):
    films = load_films(write_tiny_dataset(tmp_path), section="test")
    two = torch.zeros(1, *FRAME)
    two[:, 100:120, 100:120] = two[:, 400:420, 300:320] = 1
    seen = []

    def propose(film: np.ndarray) -> np.ndarray:
        seen.append(film)
        return film > -1

    class Films(list):
        data = films.data[:1]

    outlined = list(correct_proposals(Growing(), Films([{**films[0], "label": two}]), propose, seeds=(0,)))  # type: ignore[arg-type]
    assert [each.mass for each in outlined] == [0, 1] and len(seen) == 1


def test_of_a_proposal_the_part_that_covers_most_of_the_mass_counts(tmp_path):
    films = load_films(write_tiny_dataset(tmp_path), section="test")
    truth = films[0]["label"][0].numpy() > 0
    films.data = films.data[:1]

    def propose(film: np.ndarray) -> np.ndarray:
        proposed = truth.copy()
        proposed[-20:, -20:] = True  # another mass, that is none
        return proposed

    assert [each.get_dice_after(0) for each in correct_proposals(Growing(), films, propose, seeds=(0,))] == [1.0]
