"""Units and additions of FusionNet."""

import torch

from mammoseg.networks.fusionnet import FusionNet, FusionUnit


def silence(norm):
    torch.nn.init.zeros_(norm.weight)
    torch.nn.init.zeros_(norm.bias)


def test_fusion_unit_adds_three_convolutions_to_its_entry_before_the_exit():
    torch.manual_seed(0)
    unit = FusionUnit(3, 4).eval()
    image = torch.rand(1, 3, 8, 8)
    silence(unit.residual[-1])
    assert torch.equal(unit(image), unit.exit(unit.entry(image)))


def test_skip_connections_are_added_to_what_comes_up():
    torch.manual_seed(0)
    network = FusionNet(channels=(4, 8, 16)).eval()
    silence(network.ups[-1][1][1])
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(network(image), network.head(network.units[-1](network.encoder(image)[0])))
