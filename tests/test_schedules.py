"""Learning rates follow the list of the recipe."""

import pytest
import torch

from mammoseg.schedules import StepwiseLR


def rates(epochs: list[int], listed: list[float], total: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = StepwiseLR(optimizer, epochs=epochs, rates=listed)
    seen = []
    for _ in range(total):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return seen


def test_each_rate_holds_for_its_epochs_and_the_last_one_stays():
    assert rates([2, 1], [0.1, 0.01], 5) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.01])


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="2 durations for 1 learning rates"):
        rates([2, 1], [0.1], 1)
