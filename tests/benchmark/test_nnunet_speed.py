"""What nnU-Net's trainer is given: the same network and the same images. It is run by hand (`benchmark.py train`)."""

import sys
from json import loads

import cv2
import numpy as np
import pytest
import torch

from mammoseg.benchmark.nnunet_speed import NAME, TwoLogits, _write_images, prepare_nnunet
from mammoseg.data.datalist import load_section
from mammoseg.errors import WrongCallError
from tests.tiny_run import write_tiny_dataset


def test_softmax_of_two_logits_is_the_sigmoid_of_one():
    network = torch.nn.Conv2d(3, 1, 3, padding=1)
    image = torch.randn(2, 1, 8, 8)
    mass = TwoLogits(network)(image).softmax(1)[:, 1:]
    assert torch.allclose(mass, network(image.repeat(1, 3, 1, 1)).sigmoid(), atol=1e-6)


def test_images_are_written_as_nnunet_reads_them(tmp_path):
    records = load_section(write_tiny_dataset(tmp_path / "data") / "datalist.json", "training")
    folder = tmp_path / NAME
    description = _write_images(records, folder, side=32)
    assert description == loads((folder / "dataset.json").read_text())
    assert description["numTraining"] == len(records) == len(list((folder / "imagesTr").glob("*_0000.png")))
    masks = [cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in sorted((folder / "labelsTr").iterdir())]
    assert all(mask.shape == (32, 32) and set(np.unique(mask)) <= {0, 1} for mask in masks)
    assert any(mask.any() for mask in masks)


def test_without_nnunet_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "nnunetv2", None)
    with (
        pytest.raises(WrongCallError, match="install nnunetv2, or leave --nnunet out"),
        prepare_nnunet([], torch.nn.Identity(), tmp_path, side=32, batch=2, workers=0),
    ):
        pass
