"""A pass in bfloat16 gives nearly what float32 gives, and trains."""

import pytest
import torch
from monai.inferers import SimpleInferer
from torch import nn

from mammoseg.inference import bfloat16_inferer
from mammoseg.inference.bfloat16_inferer import Bfloat16Inferer


@pytest.fixture
def with_bfloat16(monkeypatch):
    monkeypatch.setattr(bfloat16_inferer, "computes_bfloat16", lambda kind: True)  # any CPU can, if slowly


def losses(inferer: SimpleInferer, *, steps: int = 5) -> list[float]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 1))
    image = torch.rand(2, 1, 16, 16)
    label = (image > 0.5).float()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    lost = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(inferer(image, network), label)
        loss.backward()
        optimizer.step()
        lost.append(loss.item())
    return lost


def test_a_training_in_bfloat16_loses_as_one_in_float32_does(with_bfloat16):
    reduced, whole = losses(Bfloat16Inferer()), losses(SimpleInferer())
    assert reduced == pytest.approx(whole, rel=0.02)
    assert reduced != whole
    assert reduced[-1] < reduced[0]


def test_a_device_without_bfloat16_computes_in_float32(monkeypatch):
    monkeypatch.setattr(bfloat16_inferer, "computes_bfloat16", lambda kind: False)
    assert losses(Bfloat16Inferer()) == losses(SimpleInferer())
