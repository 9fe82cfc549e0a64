"""A predictor works under the settings its weights were trained with, and says what does not fit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mammoseg.checkpoints.checkpoint import read_checkpoint, save_checkpoint
from mammoseg.checkpoints.shipping import ship
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.deploy.export import export
from mammoseg.errors import InputRefusedError, WrongCallError
from mammoseg.inference.predictor import Predictor
from mammoseg.networks import AUNet, UNet
from mammoseg.provenance import PHANTOM_WARNING
from mammoseg.transforms.pipelines import build_film_preprocessing


def write_weights(path: Path, network=None, **settings) -> Path:
    torch.manual_seed(0)
    network = network or UNet(channels=[4, 8])
    prepared = build_film_preprocessing(**{"spatial_size": [32, 16], "channels": 3, **settings})
    content = {
        "model": network.state_dict(),
        "network": network.config,
        "preprocessing": prepared.settings,
        "provenance": {"source": "phantom"},
    }
    save_checkpoint(path, content)
    return path


@pytest.fixture
def mammogram(tmp_path) -> Path:
    pixels = np.zeros((60, 40), np.uint16)
    pixels[10:50, :30] = 1000
    pixels[20:30, 8:18] = 3000
    write_mammogram(tmp_path / "a.dcm", pixels)
    return tmp_path / "a.dcm"


def test_probability_is_on_the_grid_of_the_file(mammogram, tmp_path):
    predictor = Predictor("unet", weights=write_weights(tmp_path / "model.pt"), device="cpu")
    probability = predictor(mammogram).probability
    assert probability.shape == (60, 40) and probability.dtype == np.float32
    assert probability.min() >= 0 and probability.max() <= 1


def test_network_and_preprocessing_come_from_the_checkpoint(tmp_path):
    predictor = Predictor("unet", weights=write_weights(tmp_path / "model.pt", intensity="zscore"), device="cpu")
    assert predictor.engine.network.network.config["channels"] == [4, 8]
    assert predictor.preprocessing.settings["intensity"] == "zscore"
    assert predictor.algorithm.trained_on == "phantom" and predictor.algorithm.warning == PHANTOM_WARNING


def test_the_network_is_accelerated_and_gives_the_probability_of_the_plain_one(mammogram, tmp_path):
    plain = UNet(channels=[4, 8]).train()
    for _ in range(20):
        plain(torch.rand(2, 3, 32, 16))  # normalisations get statistics
    predictor = Predictor("unet", weights=write_weights(tmp_path / "model.pt", plain), device="cpu")
    assert not [m for m in predictor.engine.network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    accelerated = predictor(mammogram).probability
    predictor.engine.network = plain.eval()
    assert np.abs(accelerated - predictor(mammogram).probability).max() < 1e-5 < np.ptp(accelerated)


def test_weights_of_another_architecture_are_refused(tmp_path):
    weights = write_weights(tmp_path / "model.pt", AUNet(channels=[4, 8], reduction=2))
    with pytest.raises(WeightsError, match="holds AUNet, bundle 'unet' is UNet"):
        Predictor("unet", weights=weights)


def test_values_that_are_not_finite_are_a_failure_and_not_an_empty_result(mammogram, tmp_path):
    predictor = Predictor("unet", weights=write_weights(tmp_path / "model.pt"), device="cpu")
    predictor.engine = lambda images: np.full((1, 2, 32, 16), np.nan)
    with pytest.raises(InputRefusedError, match="E_NOT_FINITE"):
        predictor(mammogram)


def test_a_mark_found_at_network_size_lands_on_the_mark_of_the_file(mammogram, tmp_path):
    predictor = Predictor("unet", weights=write_weights(tmp_path / "model.pt"), device="cpu")
    predictor.engine = lambda images: np.concatenate([0 * images[:, :1], 40 * (images[:, :1] - 0.6)], axis=1)
    rows, columns = np.nonzero(predictor(mammogram).probability > 0.5)
    assert (abs(rows.min() - 20), abs(rows.max() - 29)) <= (1, 1)
    assert (abs(columns.min() - 8), abs(columns.max() - 17)) <= (1, 1)


def test_the_threshold_of_the_weights_goes_before_that_of_the_bundle(tmp_path):
    path = write_weights(tmp_path / "model.pt")
    assert Predictor("unet", weights=path, device="cpu").threshold == 0.5
    shipped = ship(path, bundle="unet", threshold=0.35, flips=True, folder=tmp_path)
    predictor = Predictor("unet", weights=shipped, device="cpu")
    assert predictor.threshold == predictor.algorithm.threshold == 0.35
    assert predictor.algorithm.weights_file == "shipped.safetensors"


def test_flips_are_those_that_the_weights_record_unless_a_person_says_otherwise(mammogram, tmp_path):
    path = write_weights(tmp_path / "model.pt")
    shipped = ship(path, bundle="unet", threshold=0.35, flips=True, folder=tmp_path)
    both, once = (Predictor("unet", weights=shipped, device="cpu", flips=flips) for flips in (None, False))
    assert (both.algorithm.flips, once.algorithm.flips) == ("up-down", None)
    assert np.abs(both(mammogram).probability - once(mammogram).probability).max() > 0
    asked = Predictor("unet", weights=path, device="cpu", flips=True)
    assert np.abs(both(mammogram).probability - asked(mammogram).probability).max() < 1e-3  # half precision apart


def test_checkpoint_of_the_test_is_read_safely(tmp_path):
    assert read_checkpoint(write_weights(tmp_path / "model.pt"))["provenance"] == {"source": "phantom"}


def test_weights_of_patches_around_known_masses_are_refused(tmp_path):
    off = {"crop_border": False, "crop_to_breast": False, "remove_background": False}
    weights = write_weights(tmp_path / "model.pt", patch_area=1.2, **off)
    assert read_checkpoint(weights)["preprocessing"]["patch_area"] == 1.2
    with pytest.raises(WrongCallError, match="trained on patches around known masses, so they find none in a whole"):
        Predictor("unet", weights=weights, device="cpu")
    with pytest.raises(WrongCallError, match="trained on patches around known masses"):
        export("unet", output=tmp_path / "out", weights=weights)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("area", [0.5, "1.2", True])
def test_a_record_with_another_patch_is_not_loaded(area, tmp_path):
    content = torch.load(write_weights(tmp_path / "model.pt"), weights_only=True)
    content["preprocessing"]["patch_area"] = area
    save_checkpoint(tmp_path / "model.pt", content)
    with pytest.raises(WeightsError, match="is not loaded: it records"):
        read_checkpoint(tmp_path / "model.pt")
