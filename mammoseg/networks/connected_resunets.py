"""Connected-ResUNets (Baccouche et al. 2021, npj Breast Cancer 7:151)."""

from torch import Tensor, nn

from mammoseg.networks.blocks import ChannelAttention
from mammoseg.networks.cascade import ConnectedNetwork


class PreActivationBlock(nn.Module):
    """Residual block that normalises and activates before its convolutions, then squeeze-and-excitation without biases.

    The sum is not activated. The first block of a network normalises the image itself.

    Shape:
        features ``(N, in_channels, H, W)``; returns ``(N, out_channels, H, W)``.
    """

    def __init__(self, in_channels: int, out_channels: int, *, reduction: int = 8) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))
        self.attention = ChannelAttention(out_channels, reduction=reduction, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        features = self.residual(features) + self.shortcut(features)
        return features * self.attention(features)


class ConnectedResUNets(ConnectedNetwork):
    """Two U-Nets of pre-activation residual blocks with squeeze-and-excitation, connected."""

    block = PreActivationBlock
