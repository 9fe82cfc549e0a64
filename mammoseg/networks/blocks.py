"""Building blocks that several architectures share.

Channel arguments are ``in_channels`` and ``out_channels``; every convolution keeps the size. Sources and the readings
chosen where papers are ambiguous are named per class.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

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


class BasicUnit(nn.Sequential):
    """Two 3x3 convolutions, each with batch normalisation and ReLU (Sun et al. 2020, "Basic")."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(conv_bn_relu(in_channels, out_channels), conv_bn_relu(out_channels, out_channels))


class DeepUnit(nn.Sequential):
    """Three 3x3 convolutions, each with batch normalisation and ReLU (Sun et al. 2020, "Deep")."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            conv_bn_relu(in_channels, out_channels),
            conv_bn_relu(out_channels, out_channels),
            conv_bn_relu(out_channels, out_channels),
        )


class ResUnit(nn.Module):
    """A convolution, then two more whose result is added to its activated output (Sun et al. 2020, "Res")."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.entry = conv_bn_relu(in_channels, out_channels)
        self.residual = nn.Sequential(
            conv_bn_relu(out_channels, out_channels),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        entry = self.entry(features)
        return torch.relu(entry + self.residual(entry))


UNITS = {"basic": BasicUnit, "deep": DeepUnit, "res": ResUnit}
"""The three units of Sun et al. 2020 by the names that configs use."""


def make_unit(name: str, in_channels: int, out_channels: int) -> nn.Module:
    """Unit of Sun et al. 2020 by name.

    Raises:
        ValueError: naming the known units.
    """
    if name not in UNITS:
        raise ValueError(f"unknown unit '{name}'; known: {', '.join(UNITS)}.")
    return UNITS[name](in_channels, out_channels)


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


class UnitEncoder(PoolingEncoder):
    """A `PoolingEncoder` of the units of Sun et al. 2020, ``channels`` wide, finest first."""

    def __init__(self, in_channels: int, channels: tuple[int, ...], *, unit: str) -> None:
        widths = (in_channels, *channels)
        super().__init__(make_unit(unit, i, o) for i, o in zip(widths[:-1], widths[1:], strict=True))


class BilinearUp(nn.Sequential):
    """Corner-aligned bilinear x2, then convolution, batch normalisation, ReLU (Sun et al. 2020, "BU block")."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), conv_bn_relu(in_channels, out_channels)
        )


class TransposedUp(nn.Sequential):
    """Transposed 2x2 convolution, batch normalisation, ReLU: the deconvolution that the "BU block" takes the place of.

    The authors of Sun et al. 2020 have it as a switch of their code.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


UPS = {"bilinear": BilinearUp, "transposed": TransposedUp}
"""Ways up of Sun et al. 2020 by the names that configs use."""


def make_up(name: str, in_channels: int, out_channels: int) -> nn.Module:
    """Twice the rows and columns, by name: ``(N, in, H, W)`` to ``(N, out, 2H, 2W)``.

    Raises:
        ValueError: naming the known ways.
    """
    if name not in UPS:
        raise ValueError(f"unknown up '{name}'; known: {', '.join(UPS)}.")
    return UPS[name](in_channels, out_channels)


class DenseUp(nn.Sequential):
    """Dense up-sampling convolution: 3x3 to four times the channels, then pixel-shuffle x2 (Wang et al. 2018)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(conv_bn_relu(in_channels, 4 * out_channels), nn.PixelShuffle(2))


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


class AttentionUp(nn.Module):
    """AU block of Sun et al. 2020: bilinear and dense up-sampling of the coarse features, fused with the fine ones.

    Channel attention weights what is fused. It multiplies the feature map, as in the authors' code; the paper's formula
    would multiply the pooled descriptor and lose the image.

    Args:
        channels: width p of the fine features; the coarse ones have 2p.
        reduction: ratio r of the attention's hidden layer.
        up: ``bilinear``, or ``transposed`` in its place, see `UPS`.
    Shape:
        coarse ``(N, 2p, H / 2, W / 2)``, fine ``(N, p, H, W)`` or None where there is none; returns ``(N, 2p, H, W)``.
    """

    def __init__(self, channels: int, *, reduction: int, up: str = "bilinear") -> None:
        super().__init__()
        self.bilinear = make_up(up, 2 * channels, channels)
        self.dense = DenseUp(2 * channels, channels)
        self.smooth = conv_bn_relu(channels, channels)
        self.attention = ChannelAttention(2 * channels, reduction=reduction)

    def forward(self, coarse: Tensor, fine: Tensor | None) -> Tensor:
        dense = self.dense(coarse)
        fused = self.smooth(dense if fine is None else dense + fine)
        features = torch.cat([fused, self.bilinear(coarse)], dim=1)
        return features * self.attention(features)


class PlainBlock(nn.Sequential):
    """Two 3x3 convolutions, each with ReLU, then batch normalisation (Baccouche et al. 2021)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(conv_relu_bn(in_channels, out_channels), conv_relu_bn(out_channels, out_channels))


class BareConvBN(nn.Sequential):
    """Convolution without bias, batch normalisation, no activation (Ibtehaz and Rahman 2020, arXiv:1902.04049).

    The Keras original has no gamma here; PyTorch's normalisation always has one, which changes no function.
    """

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels),
        )


def multires_widths(channels: int) -> tuple[int, int, int]:
    """Widths of the three convolutions of a MultiRes block of nominal width `channels`; it gives out their sum."""
    width = 1.67 * channels
    return int(0.167 * width), int(0.333 * width), int(0.5 * width)


class MultiResBlock(nn.Module):
    """Three chained 3x3 convolutions, concatenated, added to a 1x1 shortcut (Ibtehaz and Rahman 2020).

    Args:
        channels: nominal width of the block.
    Shape:
        features ``(N, in_channels, H, W)``; returns ``(N, sum(multires_widths(channels)), H, W)``.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        first, second, third = multires_widths(channels)
        out_channels = first + second + third
        self.shortcut = BareConvBN(in_channels, out_channels, kernel_size=1)
        self.first = BareConvBN(in_channels, first, kernel_size=3)
        self.second = BareConvBN(first, second, kernel_size=3)
        self.third = BareConvBN(second, third, kernel_size=3)
        self.norm = nn.BatchNorm2d(out_channels)
        self.exit_norm = nn.BatchNorm2d(out_channels)

    def forward(self, features: Tensor) -> Tensor:
        first = torch.relu(self.first(features))
        second = torch.relu(self.second(first))
        third = torch.relu(self.third(second))
        chained = self.norm(torch.cat([first, second, third], dim=1))
        return self.exit_norm(torch.relu(self.shortcut(features) + chained))


class ResPathStep(nn.Module):
    """A 3x3 convolution added to a 1x1 shortcut, ReLU, batch normalisation: ``(N, in, H, W)`` to ``(N, out, H, W)``."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.shortcut = BareConvBN(in_channels, out_channels, kernel_size=1)
        self.conv = BareConvBN(in_channels, out_channels, kernel_size=3)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(torch.relu(self.shortcut(features) + torch.relu(self.conv(features))))


class ResPath(nn.Sequential):
    """`length` residual steps on a skip connection (Ibtehaz and Rahman 2020); the first changes the width."""

    def __init__(self, in_channels: int, out_channels: int, *, length: int) -> None:
        widths = (in_channels, *[out_channels] * length)
        super().__init__(*(ResPathStep(i, o) for i, o in pairwise(widths)))


def res_paths(in_channels: Sequence[int], channels: Sequence[int]) -> nn.ModuleList:
    """One residual path a level, finest first, the longer the finer: ..., 3, 2, 1 steps."""
    levels = len(channels)
    paths = zip(in_channels, channels, range(levels, 0, -1), strict=True)
    return nn.ModuleList(ResPath(i, o, length=length) for i, o, length in paths)


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
