"""The mean of networks is that of their probabilities, in logits, whatever these are."""

import json

import pytest
import torch
from torch import nn

from mammoseg.errors import WrongCallError
from mammoseg.networks import ARCHITECTURES, MeanOfNetworks, build_network

TWO = [
    {"architecture": "UNet", "channels": [4, 8]},
    {"architecture": "UNetSlim", "channels": [4, 8, 16]},
]


def make_mean(out_channels: int) -> MeanOfNetworks:
    torch.manual_seed(0)
    return MeanOfNetworks(3, out_channels, members=TWO).eval()


class Constant(nn.Module):
    """Stands in for a network: the same logits everywhere."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)[None, :, None, None]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(image), -1, *image.shape[-2:])


def compute_mean(*members: Constant) -> list[float]:
    """Logits of the mean of such members, of one pixel."""
    network = make_mean(members[0].logits.shape[1])
    network.members = nn.ModuleList(members)
    return network(torch.zeros(1, 3, 4, 4))[0, :, 0, 0].tolist()


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_the_probability_is_the_mean_of_the_members(channels):
    network, image = make_mean(channels), 10 * torch.rand(2, 3, 16, 8)
    with torch.no_grad():
        found, each = network(image), [member(image) for member in network.members]
    assert found.shape == (2, channels, 16, 8) and (each[0] - each[1]).abs().max() > 0.1, "they differ"
    activate = torch.sigmoid if channels == 1 else lambda logits: logits.softmax(1)
    torch.testing.assert_close(activate(found), sum(map(activate, each)) / 2, atol=1e-6, rtol=0)


def test_members_that_are_sure_keep_their_logit():
    assert compute_mean(Constant(-200.0), Constant(-200.0)) == pytest.approx([-200])
    assert compute_mean(Constant(200.0), Constant(200.0)) == pytest.approx([200])
    assert compute_mean(Constant(300.0), Constant(-300.0)) == pytest.approx([0], abs=1e-4)
    assert torch.tensor(compute_mean(Constant(0.0, 300.0), Constant(0.0, -300.0))).softmax(0).tolist() == [0.5, 0.5]


def test_its_config_builds_it_again_and_says_the_channels_once():
    network = make_mean(1)
    assert [sorted(member) for member in network.config["members"]][1] == ["architecture", "channels"]
    again = build_network(json.loads(json.dumps(network.config)))
    assert isinstance(again, MeanOfNetworks) and again.config == network.config
    assert again.state_dict().keys() == network.state_dict().keys()


def test_sides_must_fit_each_member():
    network = make_mean(1)
    assert network.size_divisor == 4
    with pytest.raises(WrongCallError, match="both sides must be divisible by 4 for MeanOfNetworks; pad it to 8 x 8"):
        network(torch.zeros(1, 3, 6, 6))


def test_it_is_no_architecture_of_a_bundle():
    assert "MeanOfNetworks" not in ARCHITECTURES
