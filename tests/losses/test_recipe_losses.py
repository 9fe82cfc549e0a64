"""The losses of the recipes, built from their files, against numbers worked out by hand."""

import math

import pytest
import torch
from monai.bundle import ConfigParser

from mammoseg.bundles import BASE_FOLDER

LOGITS = torch.zeros(1, 1, 1, 4)  # p = 0.5 everywhere
TRUTH = torch.tensor([1.0, 1, 0, 0]).reshape(1, 1, 1, 4)  # TP, FN and FP 1; Jaccard 1/3, Tversky index 1/2
BCE = math.log(2)
FOCAL_TVERSKY = 0.5**0.75


def loss_of(recipe: str) -> torch.nn.Module:
    content = ConfigParser.load_config_file(BASE_FOLDER / "recipes" / f"{recipe}.json")["train"]["loss"]
    return ConfigParser({"loss": content}).get_parsed_content("loss")


def test_sun_is_soft_dice_with_smoothing_one_and_cross_entropy():
    logits = torch.zeros(1, 2, 1, 4)  # p = 0.5 for background and mass: Dice (2 * 1 + 1) / (2 + 2 + 1)
    assert loss_of("sun2020")(logits, TRUTH).item() == pytest.approx(1 - 3 / 5 + BCE, abs=1e-4)


def test_sarker_is_binary_cross_entropy():
    assert loss_of("sarker2022")(LOGITS, TRUTH).item() == pytest.approx(BCE, abs=1e-4)


@pytest.mark.parametrize("epoch", [1, 20])
def test_isosalo_begins_with_half_cross_entropy_less_half_jaccard_plus_a_constant(epoch):
    loss = loss_of("isosalo2022")
    loss.set_epoch(epoch)
    pixels = [0.5, 0.5, 0, 0]  # p t / (p + t - p t)
    assert loss(LOGITS, TRUTH).item() == pytest.approx(0.5 * BCE - 0.5 * sum(pixels) / 4 + 0.5, abs=1e-4)


@pytest.mark.parametrize("epoch", [21, 80])
def test_isosalo_goes_on_with_focal_tversky(epoch):
    loss = loss_of("isosalo2022")
    loss.set_epoch(epoch)
    assert loss(LOGITS, TRUTH).item() == pytest.approx(FOCAL_TVERSKY, abs=1e-4)


def test_vassilenko_is_jaccard_plus_focal_tversky():
    assert loss_of("vassilenko2022")(LOGITS, TRUTH).item() == pytest.approx(1 - 1 / 3 + FOCAL_TVERSKY, abs=1e-4)


def test_empty_truth_gives_jaccard_and_focal_tversky_of_one_each():
    assert loss_of("vassilenko2022")(LOGITS, torch.zeros_like(TRUTH)).item() == pytest.approx(2, abs=1e-4)
