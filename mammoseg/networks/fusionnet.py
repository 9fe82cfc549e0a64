"""FusionNet (Quan et al. 2016, arXiv:1612.05360) in the variant that Sun et al. 2020 compare AUNet with."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mammoseg.networks.aunet_blocks import BilinearUp
from mammoseg.networks.blocks import PoolingEncoder, conv_bn_relu
from mammoseg.networks.network import Network


class FusionUnit(nn.Module):
    """Five 3x3 convolutions: one in, three whose result is added to its output, one out.

    The sum has no ReLU of its own; the convolution that follows supplies it.

    Shape:
        features ``(N, in_channels, H, W)``; returns ``(N, out_channels, H, W)``.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.entry = conv_bn_relu(in_channels, out_channels)
        self.residual = nn.Sequential(
            conv_bn_relu(out_channels, out_channels),
            conv_bn_relu(out_channels, out_channels),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
        )
        self.exit = conv_bn_relu(out_channels, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        entry = self.entry(features)
        return self.exit(entry + self.residual(entry))


class FusionNet(Network):
    """Encoder and decoder of fusion units whose skip connections are added, not concatenated.

    Chosen reading: plain sums, bilinear up-sampling, ReLU everywhere, 1x1 head; public code halves the sums and uses
    transposed convolutions.

    Args:
        channels: width of each level, finest first.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by ``2 ** (len(channels) - 1)``;
        returns logits ``(N, out_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 2,
        *,
        channels: Sequence[int] = (64, 128, 256, 512, 1024),
    ) -> None:
        super().__init__()
        self.size_divisor = 2 ** (len(channels) - 1)
        self.encoder = PoolingEncoder(FusionUnit(i, o) for i, o in pairwise((in_channels, *channels)))
        coarse_to_fine = list(pairwise(reversed(channels)))
        self.ups = nn.ModuleList(BilinearUp(coarse, fine) for coarse, fine in coarse_to_fine)
        self.units = nn.ModuleList(FusionUnit(fine, fine) for _, fine in coarse_to_fine)
        self.head = nn.Conv2d(channels[0], out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        *skips, features = self.encoder(image)
        for up, unit, skip in zip(self.ups, self.units, reversed(skips), strict=True):
            features = unit(up(features) + skip)
        return self.head(features)
