"""Counts of a network, against numbers counted by hand."""

from torch import Tensor, nn, zeros

from mammoseg.bundles import render
from mammoseg.cards.facts import Facts, build_bundle_network, measure_facts
from mammoseg.networks import Network


class TwoLayers(Network):
    """A 3x3 convolution of 3 to 2 channels and a linear layer of 2 to 5 units on its average."""

    size_divisor = 4

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.linear = nn.Conv2d(3, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Linear(2, 5)

    def forward(self, image: Tensor) -> Tensor:
        return self.linear(self.norm(self.conv(image)).mean(dim=(2, 3)))


def test_counts_are_those_counted_by_hand():
    parameters = (3 * 9 * 2 + 2) + (2 + 2) + (2 * 5 + 5)
    macs = 3 * 9 * 2 * 8 * 4 + 2 * 5  # the convolution at each of 8 x 4 pixels, the linear layer once
    assert measure_facts(TwoLayers(), zeros(1, 3, 8, 4)) == Facts(parameters, layers=2, macs=macs, size_divisor=4)


def test_bundle_is_measured_without_memory_and_without_fetching_weights():
    config = render("resnet34_unet")["train"] | {"encoder_weights": "imagenet"}
    network, image = build_bundle_network(config)
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"} == {image.device.type}
