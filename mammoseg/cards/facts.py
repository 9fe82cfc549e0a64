"""What is counted in the network of a bundle, without computing with it."""

from dataclasses import dataclass
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mammoseg.networks.network import Network


@dataclass(frozen=True)
class Facts:
    """Numbers of a network.

    Attributes:
        parameters: number of those that are trained.
        layers: convolutions (transposed ones too) and linear layers.
        macs: multiply-accumulates of these layers for one image.
        size_divisor: both sides of the input have to be divisible by it.
    """

    parameters: int
    layers: int
    macs: int
    size_divisor: int


def build_bundle_network(config: dict[str, Any]) -> tuple[Network, Tensor]:
    """Network of a rendered train config and an image ``(1, in_channels, H, W)``, both without memory behind them."""
    values = {"network_def": config["network_def"], "in_channels": config["in_channels"], "encoder_weights": None}
    with torch.device("meta"):
        network = ConfigParser(values).get_parsed_content("network_def").eval()
        return network, torch.zeros(1, config["in_channels"], *config["spatial_size"])


def measure_facts(network: Network, image: Tensor) -> Facts:
    """Counts of a network for an image ``(1, in_channels, H, W)``; both may be on the meta device."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    return Facts(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        layers=sum(isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)) for module in network.modules()),
        macs=counter.get_total_flops() // 2,  # PyTorch counts a multiply-accumulate as two operations
        size_divisor=network.size_divisor,
    )
