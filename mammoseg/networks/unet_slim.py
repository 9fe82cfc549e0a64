"""U-Net of half width (Ronneberger et al. 2015, arXiv:1505.04597), the baseline of Sarker et al. 2022, ISVC."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mammoseg.networks.blocks import PlainBlock, PoolingEncoder, TransposedDecoder
from mammoseg.networks.network import Network


class UNetSlim(Network):
    """U-Net whose convolutions are followed by ReLU, then normalisation; transposed convolutions bare.

    Args:
        channels: width of each level, finest first.
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
    ) -> None:
        super().__init__()
        self.size_divisor = 2 ** (len(channels) - 1)
        *fine, coarsest = channels
        self.encoder = PoolingEncoder(PlainBlock(i, o) for i, o in pairwise((in_channels, *channels)))
        self.decoder = TransposedDecoder(coarsest, fine, block=PlainBlock, block_channels=fine, skip_channels=fine)
        self.head = nn.Conv2d(fine[0], out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        *skips, coarse = self.encoder(image)
        return self.head(self.decoder(coarse, skips)[0])
