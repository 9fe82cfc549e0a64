"""Index of the architectures, one a file; every one is a `Network` that returns logits ``(N, out_channels, H, W)``."""

from mammoseg.networks.aunet import AUNet
from mammoseg.networks.fcdensenet import FCDenseNet
from mammoseg.networks.fusionnet import FusionNet
from mammoseg.networks.network import Network
from mammoseg.networks.unet import UNet

__all__ = ["AUNet", "FCDenseNet", "FusionNet", "Network", "UNet"]
