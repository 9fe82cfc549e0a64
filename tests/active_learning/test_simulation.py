"""A replay labels what strategies pick, keeps every step, and goes on where it was interrupted."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.active_learning import simulation
from mammoseg.active_learning.simulation import SimulationPlan, simulate
from mammoseg.errors import WrongCallError

PLAN = SimulationPlan(
    ("random", "uncertainty_top"),
    seeds=1,
    start=2,
    query=2,
    rounds=2,
    first_steps=2,
    steps=2,
    batch_size=2,
    spatial_size=(16, 16),
    channels=(2, 4),
)


@pytest.fixture
def records(tmp_path: Path) -> list[dict]:
    """Eight images of four patients, each with a disc."""
    made = []
    for number in range(8):
        mask = cv2.circle(np.zeros((64, 48), np.uint8), (20, 20 + 3 * number), 6, 255, -1)
        image = cv2.ellipse(np.zeros((64, 48), np.uint8), (0, 32), (40, 30), 0, 0, 360, 90, -1)
        image[mask > 0] = 220
        paths = {key: str(tmp_path / f"{number}.{key}.png") for key in ("image", "label")}
        cv2.imwrite(paths["image"], image)
        cv2.imwrite(paths["label"], mask)
        made.append({"image_id": f"i{number}", "patient_id": f"p{number // 2}", **paths})
    return made


def rows(steps: Path) -> list[dict]:
    return [json.loads(line) for line in steps.read_text().splitlines()]


def test_labels_grow_by_the_query_and_all_strategies_share_the_start(records, tmp_path):
    found = rows(simulate(PLAN, records, records[:2], tmp_path / "out"))
    assert [(row["strategy"], row["labels"]) for row in found] == [
        ("start", 2),
        ("random", 4),
        ("random", 6),
        ("uncertainty_top", 4),
        ("uncertainty_top", 6),
    ]
    for row in found:
        assert len(set(row["images"])) == row["labels"] and row["images"][:2] == found[0]["images"]
        assert 0 <= row["dice"] <= 1


def test_patients_have_their_turns(records, tmp_path):
    found = rows(simulate(PLAN, records, records[:2], tmp_path / "out"))
    for row in found[1:]:
        assert len({int(image[1]) // 2 for image in row["images"][:4]}) == 4


def test_an_interrupted_replay_gives_what_one_in_one_go_does(records, tmp_path, monkeypatch):
    whole = rows(simulate(PLAN, records, records[:2], tmp_path / "whole"))
    train, calls = simulation.Replay._train, []

    def dies(self, *arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        train(self, *arguments)

    monkeypatch.setattr(simulation.Replay, "_train", dies)
    with pytest.raises(KeyboardInterrupt):
        simulate(PLAN, records, records[:2], tmp_path / "parts")
    assert rows(simulate(PLAN, records, records[:2], tmp_path / "parts")) == whole
    assert len(calls) == 4 + 2


def test_a_row_that_a_kill_has_cut_off_lost_or_doubled_is_there_once_after_the_next_run(records, tmp_path):
    results = simulate(PLAN, records, records[:2], tmp_path / "out")
    whole = results.read_text()
    first, *_, last = whole.splitlines(keepends=True)
    for left in (whole[:-20], whole[:-20] + last, whole + last, first):
        results.write_text(left)
        simulate(PLAN, records, records[:2], tmp_path / "out")
        assert results.read_text() == whole


def test_a_step_that_cannot_be_kept_is_not_noted(records, tmp_path, monkeypatch):
    monkeypatch.setattr(simulation.torch, "save", lambda step, path: pytest.fail("the disk is full"))
    with pytest.raises(pytest.fail.Exception):
        simulate(PLAN, records, records[:2], tmp_path / "out")
    assert not (tmp_path / "out" / "steps.jsonl").exists()


def test_a_folder_of_another_plan_is_refused(records, tmp_path):
    simulate(PLAN, records, records[:2], tmp_path / "out")
    with pytest.raises(WrongCallError, match="another plan"):
        simulate(replace(PLAN, steps=3), records, records[:2], tmp_path / "out")


def test_seeds_can_be_added(records, tmp_path):
    first = rows(simulate(PLAN, records, records[:2], tmp_path / "out"))
    more = rows(simulate(replace(PLAN, seeds=2), records, records[:2], tmp_path / "out"))
    assert more[: len(first)] == first and {row["seed"] for row in more[len(first) :]} == {1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rounds": 9}, "20 labels asked for, the pool has 8"),
        ({"steps": 0}, "steps is 0"),
        ({"strategies": ("x",)}, "'x'"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(records, tmp_path, change, reason):
    with pytest.raises(WrongCallError, match=reason):
        simulate(replace(PLAN, **change), records, records[:2], tmp_path / "out")
