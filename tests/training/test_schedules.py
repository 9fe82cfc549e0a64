"""Learning rates follow the list of the recipe."""

import pytest
import torch
from monai.bundle import ConfigParser

from mammoseg.bundles import BASE_FOLDER
from mammoseg.checkpoints.checkpoint import read_checkpoint
from mammoseg.training.schedules import StepwiseLR, WarmupCosineLR
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


def test_cosine_rises_in_the_warm_up_and_ends_at_zero():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = WarmupCosineLR(optimizer, epochs=5, warmup=1)
    seen = []
    for _ in range(6):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert seen == pytest.approx([0.5, 1.0, 0.5 + 0.5 * 2**-0.5, 0.5, 0.5 - 0.5 * 2**-0.5, 0.0])


def test_cosine_of_a_longer_run_goes_on_down():
    def schedule(epochs: int) -> WarmupCosineLR:
        return WarmupCosineLR(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0), epochs=epochs)

    short, long = schedule(4), schedule(8)
    for _ in range(4):
        short.optimizer.step()
        short.step()
    long.load_state_dict(short.state_dict())
    long.optimizer.step()
    long.step()
    assert long.get_last_lr() == pytest.approx([0.5 - 0.5 * 0.3826834])  # epoch 5 of 8


@pytest.mark.parametrize(
    ("recipe", "expected"),  # first and last epoch of each rate
    [
        ("sun2020", {1: 1e-4, 40: 1e-4, 41: 5e-5, 70: 5e-5, 71: 1e-5, 100: 1e-5, 101: 1e-6, 120: 1e-6}),
        ("isosalo2022", {1: 1e-4, 40: 1e-4, 41: 1e-5, 50: 1e-5, 51: 1e-6, 60: 1e-6, 61: 1e-7, 80: 1e-7}),
        (
            "vassilenko2022",
            {1: 5e-4, 40: 5e-4, 41: 1e-4, 70: 1e-4, 71: 5e-5, 100: 5e-5, 101: 1e-5, 120: 1e-5, 121: 1e-6, 150: 1e-6},
        ),
        ("vassilenko2022_voc", {1: 5e-5, 80: 5e-5, 81: 1e-5, 150: 1e-5}),
    ],
)
def test_rates_of_a_recipe_are_those_of_its_paper(recipe, expected):
    train = ConfigParser.load_config_file(BASE_FOLDER / "recipes" / f"{recipe}.json")["train"]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=train["lr"])
    parser = ConfigParser({"lr_scheduler": train["lr_scheduler"] | {"optimizer": optimizer}})
    schedule = parser.get_parsed_content("lr_scheduler")
    seen = {}
    for epoch in range(1, train["max_epochs"] + 1):
        seen[epoch] = optimizer.param_groups[0]["lr"]
        optimizer.step()
        schedule.step()
    assert max(expected) == train["max_epochs"]
    assert {epoch: seen[epoch] for epoch in expected} == pytest.approx(expected)


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
