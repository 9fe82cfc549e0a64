"""Only normalisations that nothing else depends on are folded, and then nothing changes but the time."""

import pytest
import torch
from torch import nn

from mammoseg.inference.folding import Fold, find_folds, fold_normalisations


def normalisation(**options) -> nn.BatchNorm2d:
    """Of four channels, as if trained; two scales are negative, one is zero."""
    norm = nn.BatchNorm2d(4, **options)
    norm.running_mean = torch.tensor([0.3, -0.2, 0.1, 0.0])
    norm.running_var = torch.tensor([0.5, 2.0, 1.0, 0.1])
    if norm.affine:
        norm.weight.data = torch.tensor([1.5, -0.7, 0.0, -2.0])
        norm.bias.data = torch.tensor([0.2, -0.4, 0.6, 0.5])
    return norm


def image() -> torch.Tensor:
    return torch.randn(2, 4, 6, 10, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "before",
    [
        [nn.Conv2d(4, 4, 3, padding=1)],
        [nn.Conv2d(4, 4, 3, padding=2, dilation=2, bias=False)],
        [nn.ConvTranspose2d(4, 4, 2, stride=2)],
        [nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True)],
        [nn.ConvTranspose2d(4, 4, 3, padding=1), nn.ReLU()],
        [nn.Dropout(), nn.Conv2d(4, 4, 1), nn.ReLU()],
    ],
    ids=str,
)
@pytest.mark.parametrize("affine", [True, False])
def test_a_folded_normalisation_is_gone_and_the_result_the_same(before, affine):
    network = nn.Sequential(*before, normalisation(affine=affine), nn.Conv2d(4, 4, 3, padding=1)).eval()
    folded = fold_normalisations(network, image())
    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        torch.testing.assert_close(folded(image()), network(image()), atol=2e-6, rtol=0)


class Residual(nn.Module):
    """Adds what was before the normalisation to what came after it."""

    def __init__(self, entry: nn.Module) -> None:
        super().__init__()
        self.entry, self.norm = entry, normalisation()

    def forward(self, image):
        features = self.entry(image)
        return self.norm(features) + features


class Both(nn.Module):
    """Calls one module for two images, another for each."""

    def __init__(self, first: nn.Module, second: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.after = first, second, after

    def forward(self, image):
        return self.after(self.first(image)) + self.after(self.second(image + 1))


class Given(nn.Module):
    """Gives the features before and after the normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 1), normalisation()

    def forward(self, image):
        features = self.conv(image)
        return features, self.norm(features)


shared = nn.Conv2d(4, 4, 3, padding=1)
LEFT = {
    "features that a shortcut reads too": Residual(nn.Conv2d(4, 4, 1)),
    "activated features that a shortcut reads too": Residual(nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True))),
    "features that are given out too": Given(),
    "a normalisation of two convolutions": Both(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), normalisation()),
    "a convolution that is called twice": Both(shared, shared, nn.Sequential(nn.Conv2d(4, 4, 1), normalisation())),
    "no convolution before it": nn.Sequential(nn.ReLU(), normalisation()),
    "something between": nn.Sequential(nn.Conv2d(4, 4, 1), nn.MaxPool2d(2), normalisation()),
    "statistics of the batch": nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)),
    "groups": nn.Sequential(nn.ConvTranspose2d(4, 4, 2, groups=2), normalisation()),
}


@pytest.mark.parametrize("network", LEFT.values(), ids=LEFT)
def test_a_normalisation_that_cannot_be_folded_stays(network):
    assert find_folds(network, image()) == []


def test_folds_are_named_by_the_paths_of_their_modules():
    network = nn.Sequential(nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)), nn.Conv2d(4, 4, 1), nn.ReLU())
    network.append(nn.BatchNorm2d(4))
    assert find_folds(network, image()) == [Fold("0.0", None, "0.1"), Fold("1", "2", "3")]


def test_the_given_network_stays_as_it_is():
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True), normalisation()).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    fold_normalisations(network, image())
    after = network.state_dict()
    assert after.keys() == before.keys() and all(torch.equal(after[key], before[key]) for key in before)
    assert network.training and network[1].inplace
