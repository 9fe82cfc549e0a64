"""Curves over seeds: hand-computed means, intervals and areas, a small picture and a table."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammoseg.active_learning.curves import (
    compute_mean_and_half_width,
    compute_mean_over_labels,
    format_curves,
    plot_curves,
    read_curves,
    read_effort,
)

CURVES = {
    "random": np.array([[0.1, 0.2, 0.4], [0.3, 0.4, 0.6]]),
    "coreset": np.array([[0.1, 0.4, 0.4], [0.3, 0.6, 0.6]]),
}


def write_steps(path: Path, rows: list[tuple[int, str, int, float]]) -> Path:
    names = ("seed", "strategy", "labels", "dice")
    path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows))
    return path


def test_curves_begin_at_the_shared_start(tmp_path):
    rows = [(0, "start", 8, 0.1), (0, "random", 16, 0.2), (0, "coreset", 16, 0.3)]
    labels, curves = read_curves(write_steps(tmp_path / "steps", rows))
    assert labels == [8, 16]
    assert curves["random"].tolist() == [[0.1, 0.2]] and curves["coreset"].tolist() == [[0.1, 0.3]]


def test_a_seed_that_one_strategy_has_not_finished_is_left_out(tmp_path):
    rows = [(seed, "start", 8, 0.1) for seed in (0, 1)]
    rows += [(seed, "random", 16, 0.2) for seed in (0, 1)] + [(1, "coreset", 16, 0.3)]
    _, curves = read_curves(write_steps(tmp_path / "steps", rows))
    assert curves["random"].shape == (1, 2)


def test_a_start_that_a_killed_replay_wrote_twice_is_one_seed(tmp_path):
    rows = [(0, "start", 8, 0.1), (0, "start", 8, 0.1), (0, "random", 16, 0.2)]
    assert read_curves(write_steps(tmp_path / "steps", rows))[1]["random"].tolist() == [[0.1, 0.2]]


def test_interval_is_students(tmp_path):
    mean, half = compute_mean_and_half_width(np.array([[1.0], [3.0]]))
    assert mean[0] == 2
    assert half[0] == pytest.approx(12.7062047364)  # t(0.975, 1) times the standard error 1


def test_one_seed_has_no_interval():
    assert np.isnan(compute_mean_and_half_width(np.array([[1.0]]))[1]).all()


def test_mean_over_labels_is_the_area():
    assert compute_mean_over_labels(CURVES["random"], [8, 16, 24]).tolist() == pytest.approx([0.225, 0.425])


def test_differences_are_seed_by_seed():
    table = format_curves([8, 16, 24], CURVES)
    assert "| coreset | 0.200 ± 1.271 | 0.500 ± 1.271 | 0.500 ± 1.271 | 0.425 ± 1.271 | +0.100 ± 0.000 |" in table


def test_the_picture_is_small(tmp_path):
    plot_curves([8, 16, 24], CURVES, tmp_path / "docs" / "curves.png")
    assert (tmp_path / "docs" / "curves.png").stat().st_size < 300_000
    with Image.open(tmp_path / "docs" / "curves.png") as picture:
        assert picture.width > 200


def test_dice_is_told_at_minutes_that_all_curves_know(tmp_path):
    rows = [
        {"seed": 0, "strategy": "start", "labels": 8, "dice": 0.1, "seconds": 60},
        {"seed": 0, "strategy": "random", "labels": 16, "dice": 0.3, "seconds": 180},
        {"seed": 0, "strategy": "coreset", "labels": 16, "dice": 0.4, "seconds": 360},
    ]
    (tmp_path / "steps").write_text("".join(json.dumps(row) + "\n" for row in rows))
    minutes, curves = read_effort(tmp_path / "steps", places=3)
    assert minutes == [1, 2, 3]
    assert curves["random"] == pytest.approx(np.array([[0.1, 0.2, 0.3]]))
    assert curves["coreset"] == pytest.approx(np.array([[0.1, 0.16, 0.22]]))  # 0.3 in 5 minutes
