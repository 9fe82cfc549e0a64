"""Every engine gives what PyTorch gives; a call gets the one it names, and its weights are converted once."""

import dataclasses
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mammoseg.checkpoints.checkpoint import read_weights, save_checkpoint
from mammoseg.checkpoints.converted_file import write_record
from mammoseg.checkpoints.weights_file import WeightsError, choose_default_weights
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import WrongCallError
from mammoseg.inference.engines.converted import locate_cache, prepare_converted
from mammoseg.inference.engines.engine import EngineError, choose_default_precision, choose_runtime
from mammoseg.inference.engines.onnx_engine import OnnxEngine
from mammoseg.inference.engines.openvino_engine import OpenVinoEngine
from mammoseg.inference.engines.start import LogitsOf
from mammoseg.inference.engines.torch_engine import TorchEngine
from mammoseg.inference.predictor import Predictor
from mammoseg.inference.probability import compute_mass_channel
from tests.deploy.made_weights import exported
from tests.inference.test_predictor import write_weights

SHAPE = (3, 32, 16)

WITHOUT_TORCH = """
import sys
from importlib.util import find_spec
from mammoseg.inference.engines import converted, engine
engine.find_spec = lambda name: None if name == "torch" else find_spec(name)
from mammoseg.inference.predictor import Predictor
from mammoseg.inference.probability import compute_mass_channel
from tests.deploy.made_weights import exported
try:
    Predictor("unet", weights=sys.argv[1], device="cpu", runtime="auto")
except engine.EngineError as error:
    print(error)
"""
"""As where torch is not installed: nobody finds it."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "model.pt")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache, monkeypatch):
    monkeypatch.setenv("MAMMOSEG_CACHE", str(cache))


def mammogram_pixels() -> np.ndarray:
    pixels = np.zeros((60, 40), np.uint16)
    pixels[10:50, :30] = np.random.default_rng(0).integers(900, 3000, (40, 30))
    return pixels


class Given:
    """An engine that gives what it was given."""

    name, precision = "given 1", "f32"

    def __init__(self, values):
        self.values = values

    def __call__(self, images):
        return self.values


def images(shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(0).random((2, *shape), np.float32)


@pytest.mark.parametrize("kind", [OpenVinoEngine, OnnxEngine], ids=["openvino", "onnx"])
def test_an_engine_gives_the_logits_of_pytorch_with_any_number_of_threads(kind, weights):
    found = prepare_converted(weights, kind)
    engine = kind(found.model, shape=SHAPE)
    expected = TorchEngine(read_weights(weights), device="cpu")(images())
    assert expected.shape == (2, 2, 32, 16) and np.ptp(expected) > 0.1
    np.testing.assert_allclose(engine(images()), expected, rtol=0, atol=1e-5)
    engine.limit_threads(1)
    np.testing.assert_allclose(engine(images()), expected, rtol=0, atol=1e-5)
    assert (engine.precision, found.record.sha256) == ("f32", read_weights(weights).sha256)


def test_a_network_that_is_compiled_in_a_thread_is_compiled_once(weights, monkeypatch):
    engine = OpenVinoEngine(prepare_converted(weights, OpenVinoEngine).model, shape=SHAPE)
    compiled, core = [], engine._core
    model = core.compile_model(engine._model, "CPU")

    def compile_slowly(*_):
        time.sleep(0.1)
        compiled.append(threading.current_thread())
        return model

    monkeypatch.setattr(engine, "_core", SimpleNamespace(compile_model=compile_slowly))
    thread = threading.Thread(target=engine.prepare)
    thread.start()
    engine(images())
    thread.join()
    assert len(compiled) == 1


def test_what_is_converted_is_kept_with_all_that_the_weights_record(weights):
    first = prepare_converted(weights, OpenVinoEngine)
    before = {path: path.stat().st_mtime_ns for path in locate_cache().iterdir()}
    again = prepare_converted(weights, OpenVinoEngine)
    assert again == first and {path: path.stat().st_mtime_ns for path in locate_cache().iterdir()} == before
    checkpoint = read_weights(weights)
    assert all(value == getattr(checkpoint, name) for name, value in vars(again.record).items())


@pytest.mark.parametrize("kind", ["onnx", "onnx.json"])
def test_what_is_damaged_in_the_cache_is_made_again(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("MAMMOSEG_CACHE", str(tmp_path / "cache"))
    path = write_weights(tmp_path / "model.pt")
    first = prepare_converted(path, OnnxEngine)
    expected = OnnxEngine(first.model, shape=SHAPE)(images())
    damaged = first.model.with_suffix(f".{kind}")
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content[:-3] if kind == "onnx.json" else content)
    assert prepare_converted(path, OnnxEngine) == first
    np.testing.assert_array_equal(OnnxEngine(first.model, shape=SHAPE)(images()), expected)


def test_of_two_that_convert_the_same_weights_one_waits(tmp_path, capfd):
    own = write_weights(tmp_path / "model.pt", voi="none")  # other bytes than those of `weights`
    found = []
    both = [threading.Thread(target=lambda: found.append(prepare_converted(own, OpenVinoEngine))) for _ in range(2)]
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
    before = {*locate_cache().iterdir()} if locate_cache().is_dir() else set()
    with pytest.raises(EngineError, match="shifted 1 differs from PyTorch by 1.0e-02 .* name --runtime torch"):
        prepare_converted(weights, Shifted)
    assert {*locate_cache().iterdir()} == before


def test_where_nothing_can_be_kept_auto_takes_torch_and_says_why(weights, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MAMMOSEG_CACHE", str(tmp_path / "file"))
    predictor = Predictor("unet", weights=weights, device="cpu", runtime="auto")
    assert predictor.algorithm.engine.startswith("torch ")
    assert "cannot be written" in (said := capsys.readouterr().err) and said.endswith("torch is used.\n")


def test_an_exported_onnx_file_gives_the_probability_of_its_checkpoint(tmp_path):
    write_mammogram(tmp_path / "a.dcm", mammogram_pixels())
    name, folder = "unet", exported("unet", tmp_path, formats=("onnx",))
    checkpoint = Predictor(name, weights=folder / "models" / "model.pt", runtime="torch", device="cpu")
    for runtime in ("auto", "openvino", "onnx"):
        found = Predictor(name, weights=folder / "models" / "probability.onnx", runtime=runtime, device="cpu")
        assert (found.weights_sha256, found.threshold) == (checkpoint.weights_sha256, checkpoint.threshold)
        expected = checkpoint(tmp_path / "a.dcm").probability
        np.testing.assert_allclose(found(tmp_path / "a.dcm").probability, expected, rtol=1e-3, atol=1e-6)


def test_torch_does_not_compute_a_converted_network(weights):
    with pytest.raises(WrongCallError, match="runtime torch does not compute .*onnx, a converted network; name"):
        Predictor("unet", weights=prepare_converted(weights, OpenVinoEngine).model, device="cpu", runtime="torch")


def test_logits_of_probabilities_are_those_that_they_were_made_of():
    logits = np.array([[[[0.0, 3.0]], [[np.log(3), 3.0]]]])  # (1, 2, 1, 2); softmax of the first pixel: 1/4 and 3/4
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for probability in (softmax, softmax[:, 1:]):
        assert compute_mass_channel(LogitsOf(Given(probability))(images())[0]).round(6).tolist() == [[0.75, 0.5]]


def test_a_network_beside_the_weights_is_taken_instead_of_a_conversion(tmp_path, monkeypatch, capsys):
    path = write_weights(tmp_path / "model.pt", voi=1)
    made = prepare_converted(path, OpenVinoEngine)
    beside = tmp_path / "model.onnx"
    beside.write_bytes(made.model.read_bytes())
    write_record(beside, made.record, output="logits")
    capsys.readouterr()
    assert prepare_converted(path, OnnxEngine) == dataclasses.replace(made, model=beside)
    assert capsys.readouterr().err == ""
    write_weights(path, voi="none")
    assert prepare_converted(path, OpenVinoEngine).model.parent == locate_cache(), "other weights have another network"


def test_where_torch_is_not_installed_weights_that_were_not_converted_say_what_makes_them_so(tmp_path):
    path = write_weights(tmp_path / "model.pt", voi=2)
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, str(path)], capture_output=True, text=True)
    said = f"{path} is no converted network, and this installation cannot convert it; run `mammoseg export BUNDLE"
    assert f"{said} --weights {path} " in done.stdout, done.stderr


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


@pytest.mark.parametrize(
    ("known", "change", "preferred"),
    [
        (["f32", "bf16"], 0.0021, "bf16"),
        (["f32", "bf16"], -0.0019, "bf16"),
        (["f32", "bf16"], -0.002, "f32"),
        (["f32", "bf16"], None, "f32"),
        (["f32"], 0.0021, "f32"),
    ],
)
def test_bf16_is_preferred_where_the_processor_has_it_and_it_was_measured_to_lose_less_than_0_002(
    known, change, preferred
):
    record = None if change is None else {"dice_change": change, "measured_on": "films"}
    assert choose_default_precision(known, record) == preferred


@pytest.mark.parametrize(
    ("change", "runtime", "asked", "taken"),
    [
        (-0.001, "openvino", None, "bf16"),
        (-0.001, "openvino", "f32", "f32"),
        (-0.003, "openvino", None, "f32"),
        (-0.003, "openvino", "bf16", "bf16"),
        (-0.001, "onnx", None, "f32"),
        (-0.001, "torch", None, "f32"),
    ],
)
def test_a_predictor_computes_in_the_precision_that_is_named_else_as_its_weights_record(
    change, runtime, asked, taken, weights, tmp_path, monkeypatch
):
    monkeypatch.setattr(OpenVinoEngine, "list_precisions", staticmethod(lambda: ["f32", "bf16"]))
    own = tmp_path / "measured.pt"
    parts = {name: getattr(read_weights(weights), name) for name in ("model", "network", "preprocessing", "provenance")}
    save_checkpoint(own, parts | {"bf16": {"dice_change": change, "measured_on": "films"}})
    predictor = Predictor("unet", weights=own, device="cpu", runtime=runtime, precision=asked)
    assert predictor.engine.precision == predictor.algorithm.precision == taken


def test_the_weights_that_ship_record_what_bf16_costs_and_it_is_below_the_bar():
    record = read_weights(choose_default_weights("efficientnet_unet")).bf16
    assert record and choose_default_precision(["f32", "bf16"], record) == "bf16"


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
print(*(name for name in ("torch", "monai", "scipy", "openvino") if name in sys.modules))
"""


def test_from_dicom_to_seg_and_sr_neither_torch_nor_monai_nor_scipy_is_imported(weights, tmp_path):
    prepare_converted(weights, OpenVinoEngine)
    write_mammogram(tmp_path / "a.dcm", mammogram_pixels())
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
    settings = {"device": "cpu", "modalities": ("MG", "RG"), "precision": "f32"}
    path = shared_data / "dicom_mg" / "GH133_GE_MLO_jpegls14sv1_12bit.dcm"
    bundle = "efficientnet_unet"
    expected = Predictor(bundle, weights=choose_default_weights(bundle), runtime="torch", **settings)
    found = Predictor(bundle, weights=choose_default_weights(bundle), runtime=runtime, **settings)
    wanted, got = expected(path).probability, found(path).probability
    near = np.abs(wanted - expected.threshold) <= 1e-3
    assert np.array_equal((wanted >= expected.threshold)[~near], (got >= expected.threshold)[~near])
    assert (wanted >= expected.threshold).any() and np.abs(wanted - got).max() < 1e-3
