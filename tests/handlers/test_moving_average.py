"""The moving average of weights: its values, and that a run with it goes on exactly."""

from pathlib import Path

import pytest
import torch
from ignite.engine import Events
from torch import nn

from mammoseg.checkpoints.checkpoint import read_checkpoint
from mammoseg.handlers.moving_average import MovingAverage
from tests.test_bundles import CASES
from tests.tiny_run import workflow, write_tiny_dataset

BUNDLE = "efficientnet_unet"


def average_of(values: list[float], *, decay: float) -> float:
    """Average after one step with each of these weights."""
    network = nn.Linear(1, 1, bias=False)
    average = MovingAverage(network, decay=decay)
    for value in values:
        nn.init.constant_(network.weight, value)
        average(None)
    return average.network.weight.item()


@pytest.mark.parametrize(
    ("values", "decay", "expected"),
    [
        ([3.0], 0.5, 3.0),  # the first step counts whole
        ([0.0, 11.0], 0.9, 9.0),  # the second keeps 2 / 11
        ([0.0, 11.0, 0.0], 0.9, 2.25),  # the third 3 / 12
        ([0.0, 11.0, 0.0], 0.2, 1.8),  # 3 / 12 is more than the decay
    ],
)
def test_average_after_each_step(values, decay, expected):
    assert average_of(values, decay=decay) == pytest.approx(expected)


def test_statistics_are_averaged_and_counters_copied():
    network = nn.BatchNorm1d(1)
    average = MovingAverage(network, decay=0.9)
    for mean, count in ((0.0, 1), (11.0, 2)):
        network.running_mean.fill_(mean)
        network.num_batches_tracked.fill_(count)
        average(None)
    assert average.network.running_mean.item() == pytest.approx(9.0)
    assert average.network.num_batches_tracked.item() == 2


def overrides(dataset: Path, run: Path) -> dict:
    return CASES[BUNDLE].overrides(dataset, run, max_epochs=2, batch_size=2)


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def test_interrupted_run_ends_with_the_average_of_an_undisturbed_one(tmp_path):
    dataset = write_tiny_dataset(tmp_path / "data")

    def die(_):
        raise Killed

    workflow(BUNDLE, **overrides(dataset, tmp_path / "whole")).run()
    first = workflow(BUNDLE, **overrides(dataset, tmp_path / "cut"))
    first.parser.get_parsed_content("train::trainer").add_event_handler(Events.ITERATION_COMPLETED(once=5), die)
    with pytest.raises(Killed):
        first.run()
    workflow(BUNDLE, **overrides(dataset, tmp_path / "cut")).run()
    for name in ("checkpoint.pt", "model.pt"):
        whole, cut = (read_checkpoint(tmp_path / run / "models" / name)["model"] for run in ("whole", "cut"))
        assert all(torch.equal(whole[key], cut[key]) for key in whole)
    last = read_checkpoint(tmp_path / "whole" / "models" / "checkpoint.pt")
    assert last["average"]["n_averaged"] == 6
    best = read_checkpoint(tmp_path / "whole" / "models" / "model.pt")
    assert best["provenance"]["validation"]["epoch"] in (1, 2)
