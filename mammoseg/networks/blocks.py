"""Building blocks that several architectures share.

Channel arguments are ``in_channels`` and ``out_channels``; every convolution keeps the size. Sources and the readings
chosen where papers are ambiguous are named per class.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn


def conv_bn_relu(in_channels: int, out_channels: int, *, kernel_size: int = 3, bias: bool = True) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU: ``(N, in, H, W)`` to ``(N, out, H, W)``."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def conv_relu_bn(in_channels: int, out_channels: int) -> nn.Sequential:
    """3x3 convolution with bias, ReLU, batch normalisation, the order of the networks born in Keras."""
    return nn.Sequential(*conv_relu(in_channels, out_channels), nn.BatchNorm2d(out_channels))


def conv_relu(in_channels: int, out_channels: int) -> nn.Sequential:
    """3x3 convolution with bias, ReLU: ``(N, in, H, W)`` to ``(N, out, H, W)``."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU(inplace=True))


class PoolingEncoder(nn.Module):
    """One module a level with 2x2 max-pooling between: returns the features of all levels, finest first.

    Shape:
        image ``(N, in_channels, H, W)``; returns ``[(N, C_i, H / 2**i, W / 2**i) for i in levels]``.
    """

    def __init__(self, stages: Iterable[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.pool = nn.MaxPool2d(2)

    def forward(self, image: Tensor) -> list[Tensor]:
        features = [self.stages[0](image)]
        for stage in self.stages[1:]:
            features.append(stage(self.pool(features[-1])))
        return features


class ChannelAttention(nn.Module):
    """Squeeze-and-excitation weights of a feature map (Hu et al. 2018): global average, two linear layers, sigmoid.

    Args:
        channels: width of the feature map.
        reduction: the hidden layer has ``channels // reduction`` units, at least one.
        bias: whether the two linear layers have biases.
    Shape:
        features ``(N, channels, H, W)``; returns weights ``(N, channels, 1, 1)`` in (0, 1).
    """

    def __init__(self, channels: int, *, reduction: int, bias: bool = True) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze = nn.Linear(channels, hidden, bias=bias)
        self.excite = nn.Linear(hidden, channels, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        pooled = features.mean(dim=(2, 3))  # (N, channels)
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(pooled))))[:, :, None, None]


class PlainBlock(nn.Sequential):
    """Two 3x3 convolutions, each with ReLU, then batch normalisation (Baccouche et al. 2021)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(conv_relu_bn(in_channels, out_channels), conv_relu_bn(out_channels, out_channels))


class ASPP(nn.Module):
    """Atrous spatial pyramid: parallel 3x3 convolutions, each normalised, summed, mixed by a 1x1 convolution.

    The variant of Baccouche et al. 2021: no activation, no pooled branch.

    Args:
        dilations: dilations of the parallel convolutions; an undilated one is added to them.
    Shape:
        features ``(N, in_channels, H, W)``; returns ``(N, out_channels, H, W)``.
    """

    def __init__(self, in_channels: int, out_channels: int, *, dilations: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation),
                nn.BatchNorm2d(out_channels),
            )
            for dilation in (*dilations, 1)
        )
        self.mix = nn.Conv2d(out_channels, out_channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        return self.mix(sum(branch(features) for branch in self.branches))


BlockMaker = Callable[[int, int], nn.Module]
"""Makes a block from the width it reads and its nominal width."""


class TransposedDecoder(nn.Module):
    """Transposed 2x2 convolutions up, each followed by concatenation with a skip and a block.

    Args:
        in_channels: width of the coarse features.
        channels: nominal width of each level, finest first: that of the up-convolution and of the block.
        block: makes the block of a level.
        block_channels: what the block of each level gives out.
        skip_channels: width of each skip.
    Shape:
        coarse ``(N, in_channels, h, w)`` and skips, finest first, the last ``(N, C, 2h, 2w)``; returns what the blocks
        give out, finest first, ``[(N, block_channels[i], H / 2**i, W / 2**i) for i in levels]``.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        *,
        block: BlockMaker,
        block_channels: Sequence[int],
        skip_channels: Sequence[int],
    ) -> None:
        super().__init__()
        read = (in_channels, *reversed(block_channels[1:]))
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(i, o, 2, stride=2) for i, o in zip(read, reversed(channels), strict=True)
        )
        self.blocks = nn.ModuleList(
            block(width + skip, width) for width, skip in zip(reversed(channels), reversed(skip_channels), strict=True)
        )

    def forward(self, coarse: Tensor, skips: Sequence[Tensor]) -> list[Tensor]:
        features = [coarse]
        for up, block, skip in zip(self.ups, self.blocks, reversed(skips), strict=True):
            features.append(block(torch.cat([up(features[-1]), skip], dim=1)))
        return features[:0:-1]
