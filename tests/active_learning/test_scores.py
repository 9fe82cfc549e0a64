"""All scores of one image, from any network, the same again for the same seed."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from mammoseg.active_learning.bottleneck import BottleneckFeatures
from mammoseg.active_learning.private_network import copy_network
from mammoseg.active_learning.scores import SCORES, Scorer
from mammoseg.errors import WrongCallError
from mammoseg.inference.acceleration import accelerate
from mammoseg.networks import AttentionUNet, AUNet, ConnectedUNets, FCDenseNet, ResNetUNet, UNet, UNetSlim

NETWORKS = {
    "unet": lambda: UNet(channels=[4, 8, 16]),
    "slim": lambda: UNetSlim(channels=[4, 8, 12]),
    "attention": lambda: AttentionUNet(channels=[4, 8, 16, 32, 64]),
    "aunet": lambda: AUNet(channels=[16, 32, 64]),
    "connected": lambda: ConnectedUNets(channels=[4, 8, 16]),
    "fcdensenet": lambda: FCDenseNet(channels=4, layers=[2, 2, 2], growth=4),
    "resnet": lambda: ResNetUNet(encoder="resnet22", channels=4),
}
WIDTHS = {
    "unet": 16,
    "slim": 12,
    "attention": 64,
    "aunet": 64,
    "connected": 16,
    "fcdensenet": 4 + 3 * 2 * 4,  # all levels' dense layers up to the bottleneck's
    "resnet": 256,
}
"""Width of each one's bottleneck."""


@pytest.fixture
def image() -> torch.Tensor:
    image = torch.zeros(3, 64, 64)
    image[:, 10:50, :40] = 0.5
    image[:, 20:30, 10:20] = 0.9
    return image + 0.05 * torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]().eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gives_all_scores_and_features(name, image):
    result = Scorer(build(name), samples=3)(image)
    assert tuple(result.scores) == SCORES
    assert all(0 <= score <= 1 for score in result.scores.values())
    assert result.features.shape == (WIDTHS[name],)
    assert np.isfinite(result.features).all()


def test_an_image_whose_coarsest_level_is_one_pixel_is_said_to_be_too_small():
    network = nn.Sequential()
    network.add_module("bottleneck", nn.AdaptiveAvgPool2d(1))
    with BottleneckFeatures(network) as watched, pytest.raises(WrongCallError, match="one pixel; enlarge it"):
        network(torch.rand(1, 3, 4, 4))
        watched.features  # noqa: B018  # it is computed


@pytest.mark.parametrize("name", ["unet", "fcdensenet"])
def test_the_accelerated_network_gives_the_scores_of_the_plain_one(name, image):
    plain = build(name)
    fast = Scorer(accelerate(plain, image[None]))(image)
    slow = Scorer(plain)(image)
    for score in set(SCORES) - {"bald"}:
        assert fast.scores[score] == pytest.approx(slow.scores[score], abs=1e-4)


def test_disagreement_is_of_dropout_where_there_is_some(image):
    assert Scorer(build("fcdensenet"))(image).disagreement == "mc_dropout"
    assert Scorer(build("unet"))(image).disagreement == "tta"
    assert Scorer(build("unet"), ensemble=[build("slim")])(image).disagreement == "ensemble"


def test_an_ensemble_of_equals_agrees(image):
    assert Scorer(build("unet"), ensemble=[build("unet")])(image).scores["bald"] == pytest.approx(0, abs=1e-12)


def test_only_what_is_wanted_is_computed(image):
    network = build("fcdensenet")
    passes: list[int] = []
    network.register_forward_pre_hook(lambda module, given: passes.append(len(given[0])))
    result = Scorer(network)(image, wanted=["uncertainty_top"])
    assert list(result.scores) == ["uncertainty_top"] and result.disagreement is None
    assert passes == [1]


def test_the_same_seed_gives_the_same_scores(image):
    first, again, other = (Scorer(build("fcdensenet"), seed=seed)(image).scores for seed in (3, 3, 4))
    assert first == again
    assert first["bald"] != other["bald"]


def test_features_are_those_of_the_coarsest_grid():
    network = build("unet")
    seen = []
    network.encoder.stages[-1].register_forward_hook(lambda module, read, given: seen.append(given.mean(dim=(2, 3))))
    with torch.no_grad(), BottleneckFeatures(network) as watched:
        network(torch.rand(2, 3, 16, 8))
    torch.testing.assert_close(watched.features, seen[0])


def test_no_hook_stays_behind():
    network = build("unet")
    with BottleneckFeatures(network):
        pass
    assert not any(module._forward_hooks for module in network.modules())


def test_a_private_network_shares_all_weights_and_nothing_else(image):
    network = accelerate(build("fcdensenet"), image[None])
    private = copy_network(network)
    pairs = list(zip(network.parameters(), private.parameters(), strict=True))
    assert pairs and all(one is other for one, other in pairs)
    assert torch.equal(private(image[None]), network(image[None]))
    assert not any(one is other for one, other in zip(network.modules(), private.modules(), strict=True))


def test_scoring_does_not_change_what_others_predict_meanwhile(image):
    network = build("fcdensenet")
    expected = network(image[None])
    scorer = Scorer(network, samples=8)
    thread = threading.Thread(target=lambda: [scorer(image) for _ in range(5)])
    thread.start()
    while thread.is_alive():
        assert torch.equal(network(image[None]), expected)
    thread.join()


def test_without_names_the_last_layer_on_the_coarsest_grid_counts():
    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.MaxPool2d(2), nn.Conv2d(5, 7, 1), nn.Upsample(scale_factor=2))
    network.append(nn.Conv2d(7, 1, 1))
    with torch.no_grad(), BottleneckFeatures(network) as watched:
        network(image := torch.rand(1, 3, 4, 4))
        torch.testing.assert_close(watched.features, network[:3](image).mean(dim=(2, 3)))
