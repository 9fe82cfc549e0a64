"""TorchScript, torch.export and ONNX give the probabilities of PyTorch."""

import dataclasses

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser

from mammoseg.benchmark.trained_like import make_trained_like
from mammoseg.bundles import list_bundle_names
from mammoseg.deploy import formats
from mammoseg.deploy.asked import PACKAGES
from mammoseg.deploy.formats import FormatError, Probabilities, write_formats
from mammoseg.errors import WrongCallError
from mammoseg.inference.engines.onnx_engine import OnnxEngine
from mammoseg.inference.engines.openvino_engine import OpenVinoEngine
from scripts import format_table
from tests.deploy.made_weights import narrow_config, narrow_network

SLOW_ONNX = (
    "connected_unets_plus",
    "connected_unets_plusplus",
    "multiresunet",
    "resnet22_fpn",
    "resnet22_unet",
    "se_fusion_bit",
    "se_fusion_unet",
    "smp_unetplusplus",
)
"""Whose conversion takes more than ten seconds, even narrow."""


@pytest.fixture
def unet():
    return narrow_network("unet").eval()


def assert_formats_agree(name: str, chosen: tuple[str, ...], folder) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns probabilities and images that they are of."""
    side, _ = narrow_config(name)["spatial_size"]
    network = narrow_network(name)
    image = torch.rand(1, network.config["in_channels"], side, side)
    make_trained_like(network, image)
    network.eval()
    with torch.no_grad():
        expected = Probabilities(network)(image)
    assert expected.std() > 0.005, "a constant map would prove nothing"
    differences = write_formats(network, chosen, size=(side, side), folder=folder)
    assert differences.keys() == set(chosen) and max(differences.values()) <= 1e-4
    return expected, image


@pytest.mark.parametrize("name", list_bundle_names())
def test_torchscript_and_torch_export_give_the_probabilities_of_pytorch(name, tmp_path):
    assert_formats_agree(name, ("torchscript", "torch_export"), tmp_path)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW_ONNX else ()) for name in list_bundle_names()]
)
def test_onnx_gives_the_probabilities_of_pytorch_in_every_engine(name, tmp_path):
    expected, images = assert_formats_agree(name, ("onnx",), tmp_path)
    for engine in (OpenVinoEngine, OnnxEngine):
        found = engine(tmp_path / "probability.onnx", shape=images.shape[1:])(images.numpy())
        assert np.abs(found - expected.numpy()).max() <= 1e-4


def test_files_take_any_batch(unet, tmp_path):
    write_formats(unet, ("torchscript", "torch_export", "onnx"), size=(32, 32), folder=tmp_path)
    images = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        expected = Probabilities(unet)(images)
    for format in formats.FORMATS.values():
        torch.testing.assert_close(format.run(tmp_path / f"probability{format.suffix}", images), expected)


class NegativePooled(torch.nn.Sequential):
    """Features below zero, padded with zeros for a max-pooling, as BiT begins."""

    config = {"in_channels": 1, "out_channels": 1}

    def __init__(self) -> None:
        super().__init__(torch.nn.Conv2d(1, 1, 1), torch.nn.ConstantPad2d(1, 0.0), torch.nn.MaxPool2d(3, 2))
        torch.nn.init.constant_(self[0].bias, -3)


def test_onnx_runtime_as_it_comes_keeps_the_zeros_before_a_max_pooling(tmp_path):
    assert write_formats(NegativePooled(), ["onnx"], size=(8, 8), folder=tmp_path)["onnx"] < 1e-6


def test_two_channels_get_a_softmax_and_one_a_sigmoid():
    network = ConfigParser({"net": {"_target_": "mammoseg.networks.UNet", "channels": [4, 8], "out_channels": 1}})
    assert isinstance(Probabilities(network.get_parsed_content("net")).activation, torch.nn.Sigmoid)
    assert isinstance(Probabilities(narrow_network("unet")).activation, torch.nn.Softmax)


def test_a_file_that_differs_from_pytorch_is_refused(unet, tmp_path, monkeypatch):
    right = formats.FORMATS["torchscript"]
    wrong = dataclasses.replace(right, run=lambda path, image: right.run(path, image) + 2e-4)
    monkeypatch.setitem(formats.FORMATS, "torchscript", wrong)
    with pytest.raises(FormatError, match="probability.ts differs from PyTorch by 2.0e-04, allowed are 1e-04"):
        write_formats(unet, ["torchscript"], size=(32, 32), folder=tmp_path)


def test_an_unknown_format_is_refused_with_the_known_ones(unet, tmp_path):
    with pytest.raises(WrongCallError, match="unknown format 'tflite'; known: torchscript, torch_export, onnx"):
        write_formats(unet, ["tflite"], size=(32, 32), folder=tmp_path)


def test_a_format_without_its_packages_names_the_extra(unet, tmp_path, monkeypatch):
    monkeypatch.setitem(PACKAGES, "onnx", ("no_such_package",))
    with pytest.raises(
        WrongCallError, match=r"format onnx needs no_such_package; run: pip install 'mammoseg\[deploy\]'"
    ):
        write_formats(unet, ["onnx"], size=(32, 32), folder=tmp_path)


def test_the_table_keeps_the_rows_that_are_not_measured(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{format_table.MARK}| old |\n| `aunet` | 1 |\n| `unet` | 2 |\n{format_table.MARK}after\n")
    monkeypatch.setattr(format_table, "format_row", lambda name: f"| `{name}` | new |")
    format_table.format_table(("fusionnet", "unet"), output=str(page))
    assert page.read_text().split(format_table.MARK)[1].splitlines()[2:] == [
        "| `aunet` | 1 |",
        "| `fusionnet` | new |",
        "| `unet` | new |",
    ]
