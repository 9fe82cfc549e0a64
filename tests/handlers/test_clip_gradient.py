"""Gradients are cut to a norm."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mammoseg.handlers.clip_gradient import ClipGradient


@pytest.mark.parametrize(
    ("gradient", "max_norm", "expected"),
    [([3.0, 4.0], 1.0, [0.6, 0.8]), ([3.0, 4.0], 10.0, [3.0, 4.0])],  # the norm is 5
)
def test_gradients_beyond_the_norm_are_scaled_to_it(gradient, max_norm, expected):
    network = nn.Linear(2, 1, bias=False)
    network.weight.grad = torch.tensor([gradient])
    ClipGradient(network, max_norm=max_norm)(SimpleNamespace(scaler=None))
    assert network.weight.grad[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_gradients_that_a_scaler_enlarged_are_brought_back_before_they_are_cut():
    network = nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale((network.weight * torch.tensor([[3.0, 4.0]])).sum()).backward()
    ClipGradient(network, max_norm=1.0)(SimpleNamespace(scaler=scaler, optimizer=optimizer))
    assert network.weight.grad[0].tolist() == pytest.approx([0.6, 0.8], rel=1e-5)
