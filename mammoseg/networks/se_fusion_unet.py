"""Decoder of squeeze-and-excitation fusion layers over a pretrained encoder (Vassilenko 2022, MSc thesis, HSE Moscow).

A reconstruction: the thesis gives neither widths, kernel sizes nor the reduction ratio. The chosen reading, the AU
block of Sun et al. 2020 for any encoder, meets the published parameters to -2.4 % (ResNet34) and -0.02 %
(ResNetV2-50 BiT).
"""

from collections.abc import Sequence

from torch import Tensor, nn

from mammoseg.networks.aunet_blocks import AttentionUp, BasicUnit
from mammoseg.networks.blocks import conv_bn_relu
from mammoseg.networks.encoders import make_encoder
from mammoseg.networks.network import Network


class FusionLayer(nn.Module):
    """One decoder level: AU block on the encoder's features, projected where their width differs, then a Basic unit.

    Args:
        in_channels: width of the coarse features, even.
        skip_channels: width of the encoder's features; None where there are none.
    Shape:
        coarse ``(N, in_channels, H / 2, W / 2)``, skip ``(N, skip_channels, H, W)`` or None; returns
        ``(N, out_channels, H, W)``.
    """

    def __init__(self, in_channels: int, skip_channels: int | None, out_channels: int, *, reduction: int) -> None:
        super().__init__()
        width = in_channels // 2
        self.project: nn.Module = nn.Identity()
        if skip_channels is not None and skip_channels != width:
            self.project = conv_bn_relu(skip_channels, width)
        self.up = AttentionUp(width, reduction=reduction)
        self.unit = BasicUnit(in_channels, out_channels)

    def forward(self, coarse: Tensor, skip: Tensor | None) -> Tensor:
        return self.unit(self.up(coarse, self.project(skip)))


class SEFusionUNet(Network):
    """U-Net over a pretrained encoder whose skip connections are fused by squeeze-and-excitation.

    Args:
        encoder: ``resnet34``, ``resnetv2_50x1_bit``, or another network of timm.
        encoder_weights: None, a file, or "imagenet"; see `make_encoder`.
        channels: width of each decoder level, finest first.
        reduction: ratio of the squeeze-and-excitation; 4 is closest to both published totals.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by 32; returns logits ``(N, out_channels, H, W)``.
    """

    size_divisor = 32

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 1,
        *,
        encoder: str = "resnet34",
        encoder_weights: str | None = None,
        channels: Sequence[int] = (64, 128, 256, 512, 1024),
        reduction: int = 4,
    ) -> None:
        super().__init__()
        self.encoder = make_encoder(encoder, in_channels, weights=encoder_weights)
        *skips, below = self.encoder.channels
        self.layers = nn.ModuleList()
        for skip, width in zip((*reversed(skips), None), reversed(channels), strict=True):
            self.layers.append(FusionLayer(below, skip, width, reduction=reduction))
            below = width
        self.head = nn.Conv2d(channels[0], out_channels, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        *skips, features = self.encoder(image)
        for layer, skip in zip(self.layers, (*reversed(skips), None), strict=True):
            features = layer(features, skip)
        return self.head(features)
