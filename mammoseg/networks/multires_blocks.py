"""MultiRes blocks and residual paths of Ibtehaz and Rahman 2020 (MultiResUNet, arXiv:1902.04049)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class BareConvBN(nn.Sequential):
    """Convolution without bias, batch normalisation, no activation (Ibtehaz and Rahman 2020, arXiv:1902.04049).

    The Keras original has no gamma here; PyTorch's normalisation always has one, which changes no function.
    """

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels),
        )


def compute_multires_widths(channels: int) -> tuple[int, int, int]:
    """Widths of the three convolutions of a MultiRes block of nominal width `channels`; it gives out their sum."""
    width = 1.67 * channels
    return int(0.167 * width), int(0.333 * width), int(0.5 * width)


class MultiResBlock(nn.Module):
    """Three chained 3x3 convolutions, concatenated, added to a 1x1 shortcut (Ibtehaz and Rahman 2020).

    Args:
        channels: nominal width of the block.
    Shape:
        features ``(N, in_channels, H, W)``; returns ``(N, sum(compute_multires_widths(channels)), H, W)``.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        first, second, third = compute_multires_widths(channels)
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


def make_res_paths(in_channels: Sequence[int], channels: Sequence[int]) -> nn.ModuleList:
    """One residual path a level, finest first, the longer the finer: ..., 3, 2, 1 steps."""
    levels = len(channels)
    paths = zip(in_channels, channels, range(levels, 0, -1), strict=True)
    return nn.ModuleList(ResPath(i, o, length=length) for i, o, length in paths)
