"""Connected-ResUNets (Baccouche et al. 2021, npj Breast Cancer 7:151)."""

from collections.abc import Sequence

from torch import Tensor, nn

from mammoseg.networks.blocks import ChannelAttention
from mammoseg.networks.cascade import UNetCascade, direct_paths
from mammoseg.networks.network import Network


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


class ConnectedResUNets(Network):
    """Two U-Nets of pre-activation residual blocks with squeeze-and-excitation, connected.

    Args:
        channels: width of each level, finest first; the last one is that of the bottlenecks.
        dilations: of the three parallel dilated convolutions of each ASPP.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by ``2 ** (len(channels) - 1)``;
        returns logits ``(N, out_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 1,
        *,
        channels: Sequence[int] = (32, 64, 128, 256, 512),
        dilations: Sequence[int] = (6, 12, 18),
    ) -> None:
        super().__init__()
        self.size_divisor = 2 ** (len(channels) - 1)
        self.cascade = UNetCascade(
            in_channels,
            out_channels,
            channels=channels,
            block=PreActivationBlock,
            block_channels=channels[:-1],
            paths=direct_paths,
            dilations=dilations,
        )

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        return self.cascade(image)
