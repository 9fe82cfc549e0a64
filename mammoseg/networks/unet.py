"""U-Net with bilinear up-sampling, in the variants of Sun et al. 2020, "AUNet", Phys. Med. Biol. 65 055005."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from mammoseg.networks.aunet_blocks import UnitEncoder, make_unit, make_upsampling
from mammoseg.networks.network import Network


class UNet(Network):
    """Encoder and decoder of exchangeable units; Basic-Basic is the paper's UNet, the others its nine ablations.

    Args:
        channels: width of each level, finest first; each level is twice as wide as the one before.
        encoder_unit: ``basic``, ``deep`` or ``res``, all encoder levels.
        decoder_unit: kind of unit, the same for all decoder levels.
        up: ``bilinear``, or ``transposed`` convolutions, which the paper replaced by it.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by ``2 ** (len(channels) - 1)``;
        returns logits ``(N, out_channels, H, W)``.

    Examples:
        >>> import torch
        >>> from mammoseg.networks.unet import UNet
        >>> network = UNet(channels=(8, 16, 32))
        >>> tuple(network(torch.zeros(1, 3, 64, 48)).shape)
        (1, 2, 64, 48)
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 2,
        *,
        channels: Sequence[int] = (64, 128, 256, 512, 1024),
        encoder_unit: str = "basic",
        decoder_unit: str = "basic",
        up: str = "bilinear",
    ) -> None:
        super().__init__()
        self.size_divisor = 2 ** (len(channels) - 1)
        self.encoder = UnitEncoder(in_channels, tuple(channels), unit=encoder_unit)
        coarse_to_fine = list(pairwise(reversed(channels)))
        self.ups = nn.ModuleList(make_upsampling(up, coarse, fine) for coarse, fine in coarse_to_fine)
        self.units = nn.ModuleList(make_unit(decoder_unit, 2 * fine, fine) for _, fine in coarse_to_fine)
        self.head = nn.Conv2d(channels[0], out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        *skips, features = self.encoder(image)
        for up, unit, skip in zip(self.ups, self.units, reversed(skips), strict=True):
            features = unit(torch.cat([skip, up(features)], dim=1))
        return self.head(features)
