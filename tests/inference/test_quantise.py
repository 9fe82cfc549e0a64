"""INT8: made on training images, kept by the hash of the weights, and named with its own hash in the results."""

import importlib.util

import numpy as np
import pytest

from mammoseg.errors import WrongCallError
from mammoseg.inference.engines.converted import locate_cache, prepare_converted
from mammoseg.inference.engines.engine import EngineError
from mammoseg.inference.engines.openvino_engine import OpenVinoEngine
from mammoseg.inference.predictor import Predictor
from mammoseg.inference.quantise import quantise
from tests.inference.test_predictor import write_weights
from tests.tiny_run import write_tiny_dataset

needs_nncf = pytest.mark.skipif(
    importlib.util.find_spec("nncf") is None, reason="needs NNCF: pip install 'mammoseg[int8]'"
)
NOISY = pytest.mark.filterwarnings("ignore")  # NNCF's own, of names that are old


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("MAMMOSEG_CACHE", str(tmp_path / "cache"))
    return write_weights(tmp_path / "model.pt")


@pytest.fixture
def dataset(tmp_path):
    return write_tiny_dataset(tmp_path / "data")


def predictor(weights, precision):
    return Predictor("unet", weights=weights, device="cpu", runtime="openvino", precision=precision)


def test_without_nncf_one_sentence_says_how_to_install_it(weights, dataset, monkeypatch):
    monkeypatch.setattr("mammoseg.inference.quantise.find_spec", lambda name: None)
    with pytest.raises(WrongCallError, match=r"quantise needs NNCF.* run: pip install 'mammoseg\[int8\]'"):
        quantise("unet", dataset_dir=dataset, weights=weights)


def test_weights_without_an_int8_network_name_the_command_that_makes_it(weights):
    with pytest.raises(WrongCallError, match=f"has no INT8 network; .* mammoseg quantise BUNDLE --weights {weights} "):
        predictor(weights, "int8")


@needs_nncf
@NOISY
def test_an_int8_network_gives_nearly_the_probability_of_f32_and_is_found_by_its_weights(weights, dataset, capsys):
    quantise("unet", dataset_dir=dataset, weights=weights)
    assert "INT8, on 6 images; Dice of its masks there with those in f32: " in capsys.readouterr().out
    (kept,) = locate_cache().glob("*.int8.onnx")
    image = dataset / "images" / "test-0.png"
    expected = predictor(weights, "f32")(image).probability
    by_onnx = Predictor("unet", weights=weights, device="cpu", runtime="onnx", precision="int8")
    for one in (predictor(weights, "int8"), predictor(kept, None), predictor(kept, "int8"), by_onnx):
        found = one(image).probability
        assert 0 < np.abs(found - expected).max() < 0.05
        assert (
            one.algorithm.precision.startswith("int8 ")
            and one.weights_sha256 == predictor(weights, "f32").weights_sha256
        )
    with pytest.raises(WrongCallError, match="precision is 'f32'; .* is an INT8 network, leave it out"):
        predictor(kept, "f32")
    with pytest.raises(WrongCallError, match="is an INT8 network already"):
        quantise("unet", dataset_dir=dataset, weights=kept)


@needs_nncf
@NOISY
def test_other_calibrating_images_make_a_network_of_another_name(weights, dataset):
    names = []
    for images in (1, 6):
        quantise("unet", dataset_dir=dataset, weights=weights, images=images)
        names.append(predictor(weights, "int8").algorithm.precision)
    assert names[0] != names[1]


@needs_nncf
@NOISY
def test_an_int8_network_that_draws_other_masks_is_not_kept(weights, dataset, monkeypatch):
    monkeypatch.setattr("mammoseg.inference.quantise.LEAST_AGREEMENT", 1.01)
    with pytest.raises(EngineError, match="agree with those in f32 with a Dice of .*, needed are 1.01"):
        quantise("unet", dataset_dir=dataset, weights=weights)
    assert not [*locate_cache().glob("*int8*.onnx")] and prepare_converted(weights, OpenVinoEngine).precision == "f32"
