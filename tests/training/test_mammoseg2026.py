"""Rates and loss of our own recipe are those that its card states."""

import math

import pytest
import torch

from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset


@pytest.fixture(scope="module")
def parser(tmp_path_factory):
    """Ten epochs of three batches: 30 steps, of which 3 rise."""
    folder = tmp_path_factory.mktemp("run")
    overrides = tiny_overrides(write_tiny_dataset(folder), folder, max_epochs=10, encoder_weights=None)
    del overrides["network_def::channels"]
    return workflow("efficientnet_unet", **overrides).parser


def test_encoder_learns_at_half_of_the_rate_and_every_weight_is_in_one_group(parser):
    optimizer, network = (parser.get_parsed_content(name) for name in ("optimizer", "network"))
    initial = {
        id(weight): group.get("initial_lr", group["lr"])
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    named = dict(network.named_parameters())
    assert len(initial) == sum(len(group["params"]) for group in optimizer.param_groups) == len(named)
    rates = {name: initial[id(weight)] for name, weight in named.items()}
    assert {rate for name, rate in rates.items() if name.startswith("encoder.")} == {0.0005}
    assert {rate for name, rate in rates.items() if not name.startswith("encoder.")} == {0.001}
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.01}


def test_both_rates_rise_over_a_tenth_of_the_steps_and_fall_to_zero(parser):
    optimizer, schedule = (parser.get_parsed_content(name) for name in ("optimizer", "lr_scheduler"))
    assert parser.get_parsed_content("lr_steps_each_iteration") is True
    shares = []
    for _ in range(31):
        encoder, rest = sorted(group["lr"] for group in optimizer.param_groups)
        assert rest == pytest.approx(2 * encoder)
        shares.append(rest / 0.001)
        optimizer.step()
        schedule.step()
    assert shares[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert shares[3 + 9] == pytest.approx(0.5 + 0.5 * math.cos(math.pi / 3))  # a third of the 27 steps down
    assert shares[30] == pytest.approx(0.0, abs=1e-12)


def test_loss_is_cross_entropy_and_half_of_dice_by_image_and_half_of_dice_by_batch(parser):
    logits = torch.zeros(2, 1, 2, 2)  # probability 0.5 everywhere
    label = torch.zeros(2, 1, 2, 2)
    label[0, 0, 0, 0] = 1.0
    by_image = ((1 - 2 / 4) + (1 - 1 / 3)) / 2  # 1 - (2 * 0.5 + 1) / (2 + 1 + 1), 1 - (0 + 1) / (2 + 0 + 1)
    by_batch = 1 - 2 / 6  # 1 - (2 * 0.5 + 1) / (4 + 1 + 1)
    loss = parser.get_parsed_content("loss")(logits, label)
    assert loss.item() == pytest.approx(math.log(2) + 0.5 * by_image + 0.5 * by_batch)
