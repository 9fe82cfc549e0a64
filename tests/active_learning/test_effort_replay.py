"""A replay whose labels are clicked together: efforts add up, outlines are kept, and it goes on where it stopped."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mammoseg.active_learning import effort_replay
from mammoseg.active_learning.effort import CLICK_SECONDS, DRAWN_SECONDS, LOOK_SECONDS
from mammoseg.active_learning.effort_replay import EffortReplay
from mammoseg.active_learning.learning_tool import build_tool, train_tool
from mammoseg.active_learning.replay_job import run_replay
from mammoseg.active_learning.simulation import simulate
from mammoseg.data.masks import read_mask
from tests.active_learning.test_simulation import PLAN, records

__all__ = ["records"]

TINY = replace(PLAN, strategies=("random",), tool_steps=1, channels=(2, 4))


def run(records: list[dict], output: Path) -> list[dict]:
    steps = simulate(TINY, records, records[:2], output, replayed=EffortReplay)
    return [json.loads(line) for line in steps.read_text().splitlines()]


def test_effort_adds_up_from_round_to_round_and_every_outline_is_kept(records, tmp_path):
    start, first, second = run(records, tmp_path / "out")
    assert [row["effort"]["films"] for row in (start, first, second)] == [2, 4, 6] == [2, first["labels"], 6]
    assert start["effort"]["clicks"] < first["effort"]["clicks"] < second["effort"]["clicks"]
    for row in (start, first, second):
        films, clicks, drawn = row["effort"].values()
        assert row["seconds"] == LOOK_SECONDS * films + CLICK_SECONDS * clicks + DRAWN_SECONDS * drawn
    for folder, names in (("0-start", start["images"]), ("0-random", second["images"][2:])):
        kept = tmp_path / "out" / "outlines" / folder
        assert {path.stem for path in kept.iterdir()} == set(names)
        assert all(read_mask(path, shape=(64, 48)).any() for path in kept.iterdir())


def test_an_interrupted_replay_with_effort_gives_what_one_in_one_go_does(records, tmp_path, monkeypatch):
    whole = run(records, tmp_path / "whole")
    learn, calls = EffortReplay._train_others, []

    def dies(self, *arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return learn(self, *arguments)

    monkeypatch.setattr(EffortReplay, "_train_others", dies)
    with pytest.raises(KeyboardInterrupt):
        run(records, tmp_path / "parts")
    assert run(records, tmp_path / "parts") == whole


def test_the_tool_is_the_random_walker_first_and_the_network_that_learned_after_it(records, tmp_path, monkeypatch):
    names, work = [], effort_replay.annotate
    monkeypatch.setattr(effort_replay, "annotate", lambda tool, *rest: names.append(tool.name) or work(tool, *rest))
    run(records, tmp_path / "out")
    assert names == ["random_walker"] * 2 + ["click_unet"] * 4
    kept = [torch.load(tmp_path / "out" / "networks" / f"0-{name}.pt")["tool"] for name in ("start-0", "random-1")]
    assert any(not torch.equal(value, kept[1][key]) for key, value in kept[0].items())


def test_a_tool_learns_nothing_from_films_without_a_mass(records):
    torch.manual_seed(0)
    tool = build_tool((2, 4))
    before = {key: value.clone() for key, value in tool.state_dict().items()}
    train_tool(tool, [{**records[0], "has_mass": False}], (64, 48), steps=1, lr=0.1, seed=0)
    assert all(torch.equal(value, tool.state_dict()[key]) for key, value in before.items())


def test_the_job_tells_dice_against_minutes_and_what_they_are_made_of(tmp_path):
    plan = {"seeds": 1, "start": 2, "query": 2, "rounds": 1, "first_steps": 1, "steps": 1, "tool_steps": 1}
    run_replay(
        tmp_path,
        dataset_dir=None,
        phantom={"patients": 4, "size": 64},
        images=(6, 2),
        strategies=("random",),
        docs=None,
        plan=plan | {"channels": [2, 4]},
    )
    table = (tmp_path / "active_learning_effort.md").read_text()
    assert "10 s a film, 3 s a click, 40 s a mass drawn by hand" in table and " minutes |" in table
    assert np.isfinite(float(table.splitlines()[-1].split("|")[2]))
    assert (tmp_path / "active_learning_effort.png").is_file()
