"""Index of the architectures, one a file; every one is a `Network` that returns logits ``(N, out_channels, H, W)``."""

from typing import Any

from mammoseg.networks.attention_unet import AttentionUNet
from mammoseg.networks.aunet import AUNet
from mammoseg.networks.click_unet import ClickUNet
from mammoseg.networks.connected_resunets import ConnectedResUNets
from mammoseg.networks.connected_unets import ConnectedUNets
from mammoseg.networks.connected_unets_plus import ConnectedUNetsPlus
from mammoseg.networks.connected_unets_plusplus import ConnectedUNetsPlusPlus
from mammoseg.networks.fcdensenet import FCDenseNet
from mammoseg.networks.fusionnet import FusionNet
from mammoseg.networks.mean_of_networks import MeanOfNetworks
from mammoseg.networks.multiresunet import MultiResUNet
from mammoseg.networks.network import ARCHITECTURE, Network
from mammoseg.networks.resnet_fpn import ResNetFPN
from mammoseg.networks.resnet_unet import ResNetUNet
from mammoseg.networks.se_fusion_unet import SEFusionUNet
from mammoseg.networks.smp_unet import SmpUNet
from mammoseg.networks.unet import UNet
from mammoseg.networks.unet_slim import UNetSlim

__all__ = [
    "AUNet",
    "AttentionUNet",
    "ClickUNet",
    "ConnectedResUNets",
    "ConnectedUNets",
    "ConnectedUNetsPlus",
    "ConnectedUNetsPlusPlus",
    "FCDenseNet",
    "FusionNet",
    "MeanOfNetworks",
    "MultiResUNet",
    "Network",
    "ResNetFPN",
    "ResNetUNet",
    "SEFusionUNet",
    "SmpUNet",
    "UNet",
    "UNetSlim",
]

NO_ARCHITECTURES = ("MeanOfNetworks", "Network")
"""The mean of several that were trained, which is no architecture of a bundle, and the base of all."""

ARCHITECTURES: dict[str, type[Network]] = {name: globals()[name] for name in __all__ if name not in NO_ARCHITECTURES}
"""Every network by the word that stands for it in `Network.config`, and so in a checkpoint."""


def build_network(config: dict[str, Any]) -> Network:
    """The network of a `Network.config`, with random weights.

    Examples:
        >>> from mammoseg.networks import build_network
        >>> from mammoseg.networks.unet import UNet
        >>> config = UNet(channels=(8, 16)).config
        >>> build_network(config).config == config
        True
    """
    arguments = {name: value for name, value in config.items() if name != ARCHITECTURE}
    word = config[ARCHITECTURE]
    return MeanOfNetworks(**arguments) if word == MeanOfNetworks.__name__ else ARCHITECTURES[word](**arguments)
