"""A network made fast takes what the network took; that it gives the same is tested for all architectures."""

import copy

import pytest
import torch
from monai.data import MetaTensor
from torch import nn

from mammoseg.inference.acceleration import PackedConvolution, accelerate


def image(height: int = 8, width: int = 12) -> torch.Tensor:
    return torch.randn(2, 4, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "padding": 1, "stride": 2},
        {"kernel_size": 3, "padding": 6, "dilation": 6},
        {"kernel_size": 3, "padding": (1, 0), "groups": 2, "bias": False},
        {"kernel_size": 1},
    ],
    ids=str,
)
def test_a_packed_convolution_gives_the_same_at_any_size(options):
    convolution = nn.Conv2d(4, 6, **options)
    packed = PackedConvolution(convolution, image().shape)
    with torch.no_grad():
        for shown in (image(), image(32, 16)):
            torch.testing.assert_close(packed(shown), convolution(shown), atol=1e-5, rtol=0)


@pytest.mark.parametrize("options", [{"padding": "same"}, {"padding": 1, "padding_mode": "reflect"}], ids=str)
def test_a_convolution_with_other_padding_stays(options):
    network = nn.Sequential(nn.Conv2d(4, 4, 3, **options)).eval()
    with torch.inference_mode():
        torch.testing.assert_close(accelerate(network, image())(image()), network(image()), atol=1e-5, rtol=0)


def test_convolutions_are_packed_on_a_cpu():
    fast = accelerate(nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)), image())
    assert isinstance(fast.network[0], PackedConvolution)


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
