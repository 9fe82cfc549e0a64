"""Every engine gives what PyTorch gives; a call gets the one it names, and its weights are converted once."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.weights_file import WeightsError, default_weights
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import WrongCallError
from mammoseg.inference.engines.converted import cache_folder, converted
from mammoseg.inference.engines.engine import EngineError, choose_runtime
from mammoseg.inference.engines.onnx_engine import OnnxEngine
from mammoseg.inference.engines.openvino_engine import OpenVinoEngine
from mammoseg.inference.engines.torch_engine import TorchEngine
from mammoseg.inference.predictor import Predictor
from tests.inference.test_predictor import write_weights

SHAPE = (3, 32, 16)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "model.pt")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache, monkeypatch):
    monkeypatch.setenv("MAMMOSEG_CACHE", str(cache))


def images(shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(0).random((2, *shape), np.float32)


@pytest.mark.parametrize("kind", [OpenVinoEngine, OnnxEngine], ids=["openvino", "onnx"])
def test_an_engine_gives_the_logits_of_pytorch_with_any_number_of_threads(kind, weights):
    record, model = converted(weights, kind)
    engine = kind(model, shape=SHAPE)
    expected = TorchEngine(read_weights(weights), device="cpu")(images())
    assert expected.shape == (2, 2, 32, 16) and np.ptp(expected) > 0.1
    np.testing.assert_allclose(engine(images()), expected, rtol=0, atol=1e-5)
    engine.limit_threads(1)
    np.testing.assert_allclose(engine(images()), expected, rtol=0, atol=1e-5)
    assert (engine.precision, record.sha256) == ("f32", read_weights(weights).sha256)


def test_what_is_converted_is_kept_with_all_that_the_weights_record(weights):
    _, model = converted(weights, OpenVinoEngine)
    before = {path: path.stat().st_mtime_ns for path in cache_folder().iterdir()}
    record, again = converted(weights, OpenVinoEngine)
    assert again == model and {path: path.stat().st_mtime_ns for path in cache_folder().iterdir()} == before
    checkpoint = read_weights(weights)
    assert all(value == getattr(checkpoint, name) for name, value in vars(record).items())


@pytest.mark.parametrize("kind", ["onnx", "json"])
def test_what_is_damaged_in_the_cache_is_made_again(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("MAMMOSEG_CACHE", str(tmp_path / "cache"))
    path = write_weights(tmp_path / "model.pt")
    record, model = converted(path, OnnxEngine)
    expected = OnnxEngine(model, shape=SHAPE)(images())
    damaged = model.with_suffix(f".{kind}")
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content[:-3] if kind == "json" else content)
    assert converted(path, OnnxEngine) == (record, model)
    np.testing.assert_array_equal(OnnxEngine(model, shape=SHAPE)(images()), expected)


def test_of_two_that_convert_the_same_weights_one_waits(tmp_path, capfd):
    own = write_weights(tmp_path / "model.pt", voi="none")  # other bytes than those of `weights`
    found = []
    both = [threading.Thread(target=lambda: found.append(converted(own, OpenVinoEngine))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert found[0] == found[1] and capfd.readouterr().err.count("is converted for openvino") == 1


class Shifted(OnnxEngine):
    """An engine that is wrong by a hundredth."""

    name = "shifted 1"

    def __call__(self, images):
        return super().__call__(images) + 0.01


def test_an_engine_that_gives_other_logits_is_refused_and_nothing_is_kept(weights):
    before = {*cache_folder().iterdir()} if cache_folder().is_dir() else set()
    with pytest.raises(EngineError, match="shifted 1 differs from PyTorch by 1.0e-02 .* name --runtime torch"):
        converted(weights, Shifted)
    assert {*cache_folder().iterdir()} == before


def test_where_nothing_can_be_kept_auto_takes_torch_and_says_why(weights, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MAMMOSEG_CACHE", str(tmp_path / "file"))
    predictor = Predictor("unet", weights=weights, device="cpu", runtime="auto")
    assert predictor.algorithm.engine.startswith("torch ")
    assert "cannot be written" in (said := capsys.readouterr().err) and said.endswith("torch is used.\n")


def test_auto_takes_openvino_on_a_cpu_and_torch_on_a_gpu():
    assert choose_runtime("auto", "cpu") == "openvino"
    assert choose_runtime("auto", "cuda:0") == "torch"


@pytest.mark.parametrize(
    ("runtime", "device", "sentence"),
    [
        ("tvm", None, "runtime is 'tvm'; give one of auto, openvino, onnx, torch"),
        ("openvino", "cuda", "runtime openvino computes on a CPU, not on 'cuda'"),
    ],
)
def test_an_engine_that_is_not_there_is_a_wrong_call(runtime, device, sentence):
    with pytest.raises(WrongCallError, match=sentence):
        choose_runtime(runtime, device)


@pytest.mark.parametrize(("runtime", "precision"), [("onnx", "bf16"), ("openvino", "f16"), ("torch", "f64")])
def test_a_precision_that_an_engine_lacks_is_a_wrong_call(runtime, precision, weights):
    with pytest.raises(WrongCallError, match=f"precision is '{precision}'; .* computes here with f32"):
        Predictor("unet", weights=weights, device="cpu", runtime=runtime, precision=precision)


def test_converted_weights_of_another_architecture_are_refused(weights):
    with pytest.raises(WeightsError, match="holds UNet, bundle 'aunet' is AUNet"):
        Predictor("aunet", weights=weights, device="cpu", runtime="openvino")


def test_engine_and_precision_stand_in_what_the_results_name(weights):
    algorithm = Predictor("unet", weights=weights, device="cpu", runtime="openvino").algorithm
    assert algorithm.engine == OpenVinoEngine.name and algorithm.precision == "f32"
    assert algorithm.parameters["engine"] == OpenVinoEngine.name and algorithm.parameters["precision"] == "f32"


PREDICT = """
import sys
from mammoseg.cli import run
run(sys.argv[1:])
print(*(name for name in ("torch", "monai", "openvino") if name in sys.modules))
"""


def test_from_dicom_to_seg_and_sr_neither_torch_nor_monai_is_imported(weights, tmp_path):
    converted(weights, OpenVinoEngine)
    pixels = np.zeros((60, 40), np.uint16)
    pixels[10:50, :30] = np.random.default_rng(0).integers(900, 3000, (40, 30))
    write_mammogram(tmp_path / "a.dcm", pixels)
    words = ["predict", tmp_path / "a.dcm", "--output", tmp_path / "out", "--bundle", "unet", "--weights", weights]
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, *map(str, words), "--flips", "true", "--threshold", "0.999", "--device", "cpu"],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "openvino"
    assert {"a.seg.dcm", "a.sr.dcm"} <= {path.name for path in (tmp_path / "out").iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_the_shipped_weights_give_the_mask_of_torch_at_full_size(runtime, shared_data):
    settings = {"device": "cpu", "modalities": ("MG", "RG")}
    path = shared_data / "dicom_mg" / "GH133_GE_MLO_jpegls14sv1_12bit.dcm"
    bundle = "efficientnet_unet"
    expected = Predictor(bundle, weights=default_weights(bundle), runtime="torch", **settings)
    found = Predictor(bundle, weights=default_weights(bundle), runtime=runtime, **settings)
    wanted, got = expected(path).probability, found(path).probability
    near = np.abs(wanted - expected.threshold) <= 1e-3
    assert np.array_equal((wanted >= expected.threshold)[~near], (got >= expected.threshold)[~near])
    assert (wanted >= expected.threshold).any() and np.abs(wanted - got).max() < 1e-3
