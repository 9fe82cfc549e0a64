"""Learning rates follow the list of the recipe."""

import pytest
import torch

from mammoseg.checkpoints import read_checkpoint
from mammoseg.schedules import StepwiseLR
from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset


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


def test_plateau_is_judged_by_the_key_metric_and_its_count_survives_a_resume(tmp_path):
    overrides = tiny_overrides(write_tiny_dataset(tmp_path), tmp_path, lr=0.01)
    overrides |= {"lr_scheduler::patience": 0, "lr_scheduler::factor": 0.5, "lr_scheduler::min_lr": 0.0}
    overrides |= {"lr_scheduler::threshold": 10, "lr_scheduler::threshold_mode": "abs"}  # no Dice rises by 10
    for epochs in (1, 2, 4):  # the first validation sets the mark, every later one lowers the rate
        workflow("unet_slim", **overrides | {"max_epochs": epochs}).run()
    saved = read_checkpoint(tmp_path / "models" / "checkpoint.pt")
    assert [row["lr"] for row in saved["training_log"]["rows"]] == pytest.approx([0.01, 0.01, 0.005, 0.0025])
    assert saved["lr_scheduler"]["best"] == pytest.approx(saved["training_log"]["rows"][0]["val_mean_dice"])
