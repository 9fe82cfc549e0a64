"""A network made fast takes what the network took; that it gives the same is tested for all architectures."""

import copy

import torch
from monai.data import MetaTensor
from torch import nn

from mammoseg.inference.acceleration import accelerate


def image(height: int = 8, width: int = 12) -> torch.Tensor:
    return torch.randn(2, 4, height, width, generator=torch.Generator().manual_seed(0))


def test_a_group_normalisation_loses_no_digits():
    network = nn.Sequential(nn.GroupNorm(2, 4)).eval()
    far = 1000 + image(64, 64)
    with torch.inference_mode():
        found, wanted = accelerate(network, far)(far), copy.deepcopy(network).double()(far.double())
    torch.testing.assert_close(found.double(), wanted, atol=1e-3, rtol=0)


def test_values_that_are_not_finite_are_not_hidden():
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)).eval()
    with torch.no_grad():
        assert accelerate(network, image())(torch.full_like(image(), torch.nan)).isnan().all()


def test_an_image_with_meta_data_gives_plain_logits():
    network = nn.Sequential(nn.Conv2d(4, 1, 1))
    with torch.inference_mode():
        assert type(accelerate(network, image())(MetaTensor(image()))) is torch.Tensor


def test_the_fast_network_is_in_evaluation_and_the_given_one_stays_in_training():
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Dropout())
    assert not accelerate(network, image()).training and network.training
