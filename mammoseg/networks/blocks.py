"""Building blocks that several architectures share.

Channel arguments are ``in_channels`` and ``out_channels``; every convolution keeps the size. Sources and the readings
chosen where papers are ambiguous are named per class.
"""

from collections.abc import Iterable

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


class DenseUp(nn.Sequential):
    """Dense up-sampling convolution: 3x3 to four times the channels, then pixel-shuffle x2 (Wang et al. 2018)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(conv_bn_relu(in_channels, 4 * out_channels), nn.PixelShuffle(2))


class ChannelAttention(nn.Module):
    """Squeeze-and-excitation weights of a feature map (Hu et al. 2018): global average, two linear layers, sigmoid.

    Args:
        channels: width of the feature map.
        reduction: the hidden layer has ``channels // reduction`` units.
        bias: whether the two linear layers have biases.
    Shape:
        features ``(N, channels, H, W)``; returns weights ``(N, channels, 1, 1)`` in (0, 1).
    """

    def __init__(self, channels: int, *, reduction: int, bias: bool = True) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction, bias=bias)
        self.excite = nn.Linear(channels // reduction, channels, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        pooled = features.mean(dim=(2, 3))  # (N, channels)
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(pooled))))[:, :, None, None]
