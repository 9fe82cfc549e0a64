"""Weights that ship are those of the checkpoint in half precision, with all that it records, read through its gate."""

import json
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from mammoseg.bundles import list_bundle_names, locate_bundle
from mammoseg.checkpoints import shipping, weights_file
from mammoseg.checkpoints.checkpoint import read_weights, save_checkpoint
from mammoseg.checkpoints.recorded_values import CHOSEN
from mammoseg.checkpoints.shipping import describe_shipped, ship
from mammoseg.checkpoints.weights_file import SHIPPED, WeightsError, choose_default_weights
from mammoseg.networks import UNet
from mammoseg.transforms.pipelines import build_film_preprocessing


@pytest.fixture
def checkpoint(tmp_path):
    return write(tmp_path / "model.pt")


def write(path, **changes):
    torch.manual_seed(0)
    network = UNet(3, 2, channels=(2, 4))
    settings = build_film_preprocessing(spatial_size=[16, 16]).settings
    parts = {"model": network.state_dict(), "network": network.config, "preprocessing": settings}
    save_checkpoint(path, parts | {"provenance": {"source": "cbis_ddsm"}} | changes)
    return path


def test_shipped_weights_are_those_of_the_checkpoint_rounded_to_half_precision(checkpoint, tmp_path):
    trained, shipped = read_weights(checkpoint), read_weights(shipped_of(checkpoint, tmp_path))
    for key, value in trained.model.items():
        rounded = value.half().float() if value.is_floating_point() else value
        assert shipped.model[key].dtype == value.dtype and torch.equal(shipped.model[key], rounded)
    assert shipped.network == trained.network and shipped.preprocessing == trained.preprocessing
    assert shipped.provenance == {"source": "cbis_ddsm", "checkpoint_sha256": trained.sha256}


def test_what_a_person_says_of_weights_stands_in_their_provenance(checkpoint, tmp_path):
    said = {"data": "films of nobody", "origin": "by hand"}
    path = ship(checkpoint, bundle="unet", folder=tmp_path, threshold=0.5, said=said)
    assert read_weights(path).provenance.items() >= said.items()


def shipped_of(checkpoint, folder, **options):
    return ship(checkpoint, bundle="unet", folder=folder, **{"threshold": 0.35, **options})


CALIBRATION = {"scale": 0.5, "offset": -1.0, "fitted_on": "CBIS-DDSM"}

BF16 = {"dice_change": -0.001, "measured_on": "CBIS-DDSM"}


def test_what_was_chosen_travels_with_the_weights_and_a_checkpoint_has_none_of_it(checkpoint, tmp_path):
    chosen = {"threshold": 0.35, "calibration": CALIBRATION, "flips": True, "min_area_mm2": 10.0, "bf16": BF16}
    shipped = read_weights(shipped_of(checkpoint, tmp_path, **chosen))
    assert {name: getattr(shipped, name) for name in CHOSEN} == chosen
    trained = read_weights(checkpoint)
    assert {name: getattr(trained, name) for name in CHOSEN} == dict.fromkeys(chosen) | {"flips": False}


def test_shipped_again_weights_keep_what_was_chosen_and_the_hash_of_their_checkpoint(checkpoint, tmp_path):
    first = shipped_of(checkpoint, tmp_path / "a", calibration=CALIBRATION, flips=True, bf16=BF16)
    again = read_weights(ship(first, bundle="unet", folder=tmp_path / "b", min_area_mm2=10.0))
    assert (again.threshold, again.calibration, again.flips, again.min_area_mm2) == (0.35, CALIBRATION, True, 10.0)
    assert again.bf16 == BF16
    assert again.provenance["checkpoint_sha256"] == read_weights(checkpoint).sha256


def test_a_checkpoint_without_a_threshold_does_not_ship(checkpoint, tmp_path):
    with pytest.raises(WeightsError, match="records no threshold; give the one that was chosen on validation"):
        ship(checkpoint, bundle="unet", folder=tmp_path)


def test_the_same_checkpoint_gives_the_same_bytes(checkpoint, tmp_path):
    first = shipped_of(checkpoint, tmp_path / "a").read_bytes()
    assert first == shipped_of(checkpoint, tmp_path / "b").read_bytes()


def test_the_file_for_people_says_what_the_weights_record(checkpoint, tmp_path):
    path = shipped_of(checkpoint, tmp_path)
    said = json.loads((tmp_path / "shipped.json").read_text())
    assert said == describe_shipped(path)
    assert (said["file"], said["bytes"], said["threshold"]) == ("shipped.safetensors", path.stat().st_size, 0.35)


MOST_BYTES_TOGETHER = 24 * 2**20
"""Of all files that come with the repository."""


def test_every_bundle_with_shipped_weights_has_their_description_and_fits_the_repository():
    together = 0
    for models in (f"{locate_bundle(name)}/models" for name in list_bundle_names()):
        path = Path(models) / SHIPPED
        if path.is_file():
            assert json.loads(path.with_suffix(".json").read_text()) == describe_shipped(path)
            assert path.stat().st_size <= shipping.MOST_SHIPPED_BYTES
            together += path.stat().st_size
    assert 0 < together <= MOST_BYTES_TOGETHER


@pytest.mark.parametrize("threshold", [0, 1, 1.5, float("nan")])
def test_a_threshold_that_decides_nothing_is_refused_and_nothing_is_written(checkpoint, tmp_path, threshold):
    with pytest.raises(WeightsError, match="a threshold that is no number between 0 and 1"):
        shipped_of(checkpoint, tmp_path / "out", threshold=threshold)
    assert not list((tmp_path / "out").iterdir())


def test_a_value_too_large_for_half_precision_is_named(tmp_path):
    model = read_weights(write(tmp_path / "a.pt")).model
    key = next(key for key in model if key.endswith("running_var"))
    model[key][0] = 1e5
    with pytest.raises(WeightsError, match=f"cannot ship: {key} has values that half precision cannot hold"):
        shipped_of(write(tmp_path / "b.pt", model=model), tmp_path)


def test_weights_that_are_too_large_for_the_repository_are_refused_with_both_sizes(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "MOST_SHIPPED_BYTES", 1000)
    with pytest.raises(WeightsError, match=r"would have \d,\d{3} bytes, at most 1,000 ship"):
        shipped_of(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_was_trained_comes_before_what_ships(checkpoint, tmp_path, monkeypatch):
    for folder in ("locate_bundle", "locate_runs"):
        monkeypatch.setattr(weights_file, folder, lambda name: str(tmp_path / name))
    with pytest.raises(WeightsError, match="bundle 'unet' has no weights yet; train it, name a checkpoint with --wei"):
        choose_default_weights("unet")
    shipped = shipped_of(checkpoint, tmp_path / "unet" / "models")
    assert choose_default_weights("unet") == shipped
    trained = write(shipped.with_name("model.pt"))
    assert choose_default_weights("unet") == trained


@pytest.mark.parametrize("configs", [["inference"], ["train", "evaluate"]], ids=["inferring", "evaluating"])
def test_the_configs_of_a_bundle_find_what_was_trained_and_else_what_ships(checkpoint, tmp_path, configs):
    files = [f"{locate_bundle('unet')}/configs/{name}.json" for name in configs]
    parser = ConfigParser(ConfigParser.load_config_files(files))
    parser["bundle_root"] = parser["run_root"] = str(tmp_path)
    shipped = shipped_of(checkpoint, tmp_path / "models", flips=True)
    assert parser.get_parsed_content("best_checkpoint") == shipped
    assert parser.get_parsed_content("threshold") == 0.35, "which was chosen for these weights"
    inferer = "inferer" if configs == ["inference"] else "validate::inferer"
    assert parser.get_parsed_content(inferer).flips
    trained = write(shipped.with_name("model.pt"))
    parser.parse(reset=True)
    assert parser.get_parsed_content("best_checkpoint") == trained
    assert parser.get_parsed_content("threshold") == 0.5, "which is the bundle's"
