"""MultiResUNet (Ibtehaz and Rahman 2020, Neural Networks 121:74, arXiv:1902.04049)."""

from collections.abc import Sequence

from torch import Tensor

from mammoseg.networks.blocks import PoolingEncoder, TransposedDecoder
from mammoseg.networks.multires_blocks import BareConvBN, MultiResBlock, compute_multires_widths, make_res_paths
from mammoseg.networks.network import Network


class MultiResUNet(Network):
    """U-Net of MultiRes blocks with residual paths on the skip connections.

    Chosen reading: the TensorFlow original, whose head normalises the logits; the authors' PyTorch port differs.

    Args:
        channels: nominal width of each level, finest first; a block gives out ``sum(compute_multires_widths(width))``.
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
        widths = [sum(compute_multires_widths(width)) for width in channels]
        *fine, coarsest = widths
        read = (in_channels, *fine)
        self.encoder = PoolingEncoder(MultiResBlock(i, width) for i, width in zip(read, channels, strict=True))
        self.paths = make_res_paths(fine, channels[:-1])
        self.decoder = TransposedDecoder(
            coarsest, channels[:-1], block=MultiResBlock, block_channels=fine, skip_channels=channels[:-1]
        )
        self.head = BareConvBN(fine[0], out_channels, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        *skips, coarse = self.encoder(image)
        skips = [path(skip) for path, skip in zip(self.paths, skips, strict=True)]
        return self.head(self.decoder(coarse, skips)[0])
