"""U-Net decoder over a ResNet encoder (Isosalo et al. 2022, Proc. SPIE 12037, 120370W)."""

import torch
from torch import Tensor, nn

from mammoseg.networks.blocks import conv_bn_relu
from mammoseg.networks.encoders import make_encoder
from mammoseg.networks.network import Network


class NearestUp(nn.Sequential):
    """Nearest x2, then two 3x3 convolutions without bias, each with normalisation and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Upsample(scale_factor=2, mode="nearest"),
            conv_bn_relu(in_channels, out_channels, bias=False),
            conv_bn_relu(out_channels, out_channels, bias=False),
        )


class ResNetUNet(Network):
    """Encoder of five levels, a centre below them, and a decoder that reads every level.

    Args:
        encoder: ``resnet34`` (the paper feeds it 3 channels), ``resnet22`` (1 channel), or a network of timm.
        encoder_weights: None, a file, or "imagenet"; see `make_encoder`.
        channels: width of the finest decoder level; the others are 2, 2, 8, 8 times as wide, the centre 8 times.
        dropout: share of whole channels that is dropped before the head.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by 64; returns logits ``(N, out_channels, H, W)``.
    """

    size_divisor = 64

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 1,
        *,
        encoder: str = "resnet34",
        encoder_weights: str | None = None,
        channels: int = 32,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.encoder = make_encoder(encoder, in_channels, weights=encoder_weights)
        self.pool = nn.MaxPool2d(2)
        self.centre = NearestUp(self.encoder.channels[-1], 8 * channels)
        self.blocks = nn.ModuleList()
        below = 8 * channels
        for skip, width in zip(reversed(self.encoder.channels), (8, 8, 2, 2, 1), strict=True):
            self.blocks.append(NearestUp(below + skip, width * channels))
            below = width * channels
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(channels, out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        skips = self.encoder(image)
        features = self.centre(self.pool(skips[-1]))
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            features = block(torch.cat([features, skip], dim=1))
        return self.head(self.dropout(features))
