"""The wiring of Connected-UNets (Baccouche et al. 2021, npj Breast Cancer 7:151): one U-Net reads another's decoder."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from mammoseg.networks.blocks import ASPP, BlockMaker, PoolingEncoder, TransposedDecoder, conv_relu
from mammoseg.networks.network import Network

PathsMaker = Callable[[Sequence[int], Sequence[int]], nn.ModuleList]
"""Makes one module a skip connection from the widths it reads and those it gives out, finest first."""


def make_direct_paths(in_channels: Sequence[int], channels: Sequence[int]) -> nn.ModuleList:
    """Skip connections that pass features as they are; widths have to agree."""
    return nn.ModuleList(nn.Identity() for _ in zip(in_channels, channels, strict=True))


def pass_along(paths: nn.ModuleList, features: Sequence[Tensor]) -> list[Tensor]:
    """Each feature map ``(N, C_i, H_i, W_i)`` through the path of its level."""
    return [path(feature) for path, feature in zip(paths, features, strict=True)]


class PyramidDecoder(nn.Module):
    """What follows an encoder in either U-Net: pooling and ASPP below its coarsest level, paths on its skips, decoder.

    Shape:
        encoder features, finest first; returns the decoder's, ``[(N, block_channels[i], H / 2**i, W / 2**i)]``.
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        block: BlockMaker,
        block_channels: Sequence[int],
        paths: PathsMaker,
        dilations: Sequence[int],
    ) -> None:
        super().__init__()
        *fine, coarsest = channels
        self.pool = nn.MaxPool2d(2)
        self.pyramid = ASPP(block_channels[-1], coarsest, dilations=dilations)
        self.paths = paths(block_channels, fine)
        self.decoder = TransposedDecoder(coarsest, fine, block=block, block_channels=block_channels, skip_channels=fine)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        return self.decoder(self.pyramid(self.pool(features[-1])), pass_along(self.paths, features))


class ReadingEncoder(nn.Module):
    """Encoder of the second U-Net: each level also reads the first decoder's features of that level.

    A level bridges what comes from above by a 3x3 convolution with ReLU, concatenates the first decoder's features and
    passes a block. The finest level bridges the first decoder's output itself. No normalisation between concatenation
    and block, as in the authors' code.

    Shape:
        the first decoder's features, finest first; returns as many, ``[(N, block_channels[i], H / 2**i, W / 2**i)]``.
    """

    def __init__(
        self, channels: Sequence[int], *, block: BlockMaker, block_channels: Sequence[int], paths: PathsMaker
    ) -> None:
        super().__init__()
        above = (block_channels[0], *block_channels[:-1])
        carried = (block_channels[0], *channels[1:])
        self.pool = nn.MaxPool2d(2)
        self.paths = paths(block_channels[1:], channels[1:])
        self.bridges = nn.ModuleList(conv_relu(i, o) for i, o in zip(above, channels, strict=True))
        self.blocks = nn.ModuleList(
            block(width + from_decoder, width) for width, from_decoder in zip(channels, carried, strict=True)
        )

    def forward(self, decoded: Sequence[Tensor]) -> list[Tensor]:
        carried = [decoded[0], *pass_along(self.paths, decoded[1:])]
        features: list[Tensor] = []
        for bridge, block, from_decoder in zip(self.bridges, self.blocks, carried, strict=True):
            above = self.pool(features[-1]) if features else decoded[0]
            features.append(block(torch.cat([bridge(above), from_decoder], dim=1)))
        return features


class UNetCascade(nn.Module):
    """Two U-Nets with ASPP bottlenecks; the second one's encoder reads the first one's decoder.

    Args:
        channels: nominal width of each level, finest first; the last one is that of the bottlenecks.
        block: makes the block of a level.
        block_channels: what the blocks of all levels but the bottleneck give out.
        paths: makes the skip connections, both within the U-Nets and between them (there not on the finest level).
        dilations: dilations of the ASPPs.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by ``2 ** (len(channels) - 1)``;
        returns logits ``(N, out_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        channels: Sequence[int],
        block: BlockMaker,
        block_channels: Sequence[int],
        paths: PathsMaker,
        dilations: Sequence[int],
    ) -> None:
        super().__init__()
        fine = channels[:-1]
        read = (in_channels, *block_channels[:-1])
        self.first_encoder = PoolingEncoder(block(i, width) for i, width in zip(read, fine, strict=True))
        self.first_decoder = PyramidDecoder(
            channels, block=block, block_channels=block_channels, paths=paths, dilations=dilations
        )
        self.second_encoder = ReadingEncoder(fine, block=block, block_channels=block_channels, paths=paths)
        self.second_decoder = PyramidDecoder(
            channels, block=block, block_channels=block_channels, paths=paths, dilations=dilations
        )
        self.pyramid = ASPP(block_channels[0], channels[0], dilations=dilations)
        self.head = nn.Conv2d(channels[0], out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        decoded = self.first_decoder(self.first_encoder(image))
        decoded = self.second_decoder(self.second_encoder(decoded))
        return self.head(self.pyramid(decoded[0]))


class ConnectedNetwork(Network):
    """A `UNetCascade` as a network; its subclasses say of which blocks and paths.

    Args:
        channels: nominal width of each level, finest first; the last one is that of the bottlenecks.
        dilations: dilations of the three parallel dilated convolutions of each ASPP.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by ``2 ** (len(channels) - 1)``;
        returns logits ``(N, out_channels, H, W)``.
    """

    block: ClassVar[type[nn.Module]]
    paths = staticmethod(make_direct_paths)

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
            block=self.block,
            block_channels=[self.compute_block_width(width) for width in channels[:-1]],
            paths=self.paths,
            dilations=dilations,
        )

    def compute_block_width(self, width: int) -> int:
        """What a block of nominal `width` gives out."""
        return width

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        return self.cascade(image)
