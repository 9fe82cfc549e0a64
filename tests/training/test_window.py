"""A window that `ingest` was given: training reads by it, weights say so, and who scores or predicts reads alike."""

import json

import numpy as np
import pydicom
import pytest

from mammoseg.checkpoints.checkpoint import read_weights, save_checkpoint
from mammoseg.cli import run as run_command
from mammoseg.data.datalist import load_section, read_voi
from mammoseg.inference.ensemble import load_predictor
from mammoseg.networks.unet import UNet
from mammoseg.transforms.pipelines import build_film_preprocessing
from tests.tiny_run import tiny_overrides, workflow

WINDOW = "window 1200 500"


@pytest.fixture(scope="module")
def windowed(tmp_path_factory):
    """Phantoms in DICOM, in a datalist with a window."""
    data = tmp_path_factory.mktemp("windowed")
    run_command(["ingest", "phantom", "--output", str(data), "--patients", "6", "--size", "64", "--window", "1200,500"])
    return data


@pytest.fixture(scope="module")
def trained(windowed, tmp_path_factory):
    """A run of one epoch on them."""
    run = tmp_path_factory.mktemp("run")
    workflow("unet", **tiny_overrides(windowed, run, max_epochs=1, in_channels=1)).run()
    return run


def untrained(path, **settings):
    """Weights of a narrow U-Net that has learnt nothing, under these settings."""
    network = UNet(in_channels=1, channels=(4, 8))
    listed = build_film_preprocessing(spatial_size=(32, 32), channels=1, **settings).settings
    parts = {"model": network.state_dict(), "network": network.config, "preprocessing": listed}
    save_checkpoint(path, {**parts, "provenance": {}})
    return path


def test_the_datalist_states_it(windowed):
    assert read_voi(windowed / "datalist.json") == WINDOW


def test_weights_record_it_and_can_be_read_again(trained):
    assert read_weights(trained / "models" / "model.pt").preprocessing["voi"] == WINDOW


def test_an_option_of_train_goes_before_it(windowed, tmp_path):
    flow = workflow("unet", **tiny_overrides(windowed, tmp_path, voi="none"))
    assert flow.parser.get_parsed_content("preprocessing").settings["voi"] == "none"


@pytest.mark.parametrize(
    ("recorded", "read"), [("first", WINDOW), ("none", "none"), ("curve 0 0 4095 1", "curve 0 0 4095 1")]
)
def test_a_file_s_own_function_alone_gives_way_to_it_in_evaluate(windowed, tmp_path, recorded, read):
    (tmp_path / "models").mkdir()
    untrained(tmp_path / "models" / "model.pt", voi=recorded)
    folders = {"ckpt_dir": str(tmp_path / "models"), "output_dir": str(tmp_path / "eval")}
    flow = workflow("unet", "evaluate", dataset_dir=str(windowed), **folders)
    assert flow.parser.get_parsed_content("preprocessing").settings["voi"] == read
    flow.run()


def test_predict_reads_by_the_window_of_the_weights(trained, windowed):
    image = load_section(windowed / "datalist.json", "test")[0]["image"]
    predictor = load_predictor("unet", weights=trained / "models" / "model.pt", device="cpu")
    plain = load_predictor("unet", weights=untrained(trained / "plain.pt"), device="cpu")
    assert predictor.algorithm.parameters["voi"] == WINDOW
    assert (np.ptp(predictor.read(image).pixels), predictor.read(image).pixels.std()) != (
        np.ptp(plain.read(image).pixels),
        plain.read(image).pixels.std(),
    )


def test_predict_takes_a_window_and_every_object_names_it(windowed, tmp_path):
    weights = untrained(tmp_path / "model.pt")
    image = load_section(windowed / "datalist.json", "test")[0]["image"]
    call = ["predict", image, "--bundle", "unet", "--weights", str(weights), "--output", str(tmp_path / "out")]
    run_command([*call, "--runtime", "torch", "--window", "1200,500", "--threshold", "0.95"])
    objects = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]
    assert len(objects) == 2 and all(WINDOW in json.dumps(found.to_json_dict()) for found in objects)
