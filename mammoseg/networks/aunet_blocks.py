"""Units and up-sampling of Sun et al. 2020, where AUNet comes from; every convolution keeps the size."""

import torch
from torch import Tensor, nn

from mammoseg.networks.blocks import ChannelAttention, PoolingEncoder, conv_bn_relu


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


def make_upsampling(name: str, in_channels: int, out_channels: int) -> nn.Module:
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
        self.bilinear = make_upsampling(up, 2 * channels, channels)
        self.dense = DenseUp(2 * channels, channels)
        self.smooth = conv_bn_relu(channels, channels)
        self.attention = ChannelAttention(2 * channels, reduction=reduction)

    def forward(self, coarse: Tensor, fine: Tensor | None) -> Tensor:
        dense = self.dense(coarse)
        fused = self.smooth(dense if fine is None else dense + fine)
        features = torch.cat([fused, self.bilinear(coarse)], dim=1)
        return features * self.attention(features)
