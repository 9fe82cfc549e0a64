"""FC-DenseNet, "One hundred layers tiramisu" (Jegou et al. 2017, arXiv:1611.09326), as in Sun et al. 2020."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mammoseg.networks.network import Network


def make_dense_layer(in_channels: int, growth: int, *, dropout: float) -> nn.Sequential:
    """Batch normalisation, ReLU, 3x3 convolution, dropout: the `growth` new features of ``(N, in_channels, H, W)``."""
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(in_channels, growth, 3, padding=1),
        nn.Dropout(dropout),
    )


def make_transition_down(channels: int, *, dropout: float) -> nn.Sequential:
    """Batch normalisation, ReLU, 1x1 convolution, dropout, 2x2 max-pooling; the width stays."""
    return nn.Sequential(
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 1),
        nn.Dropout(dropout),
        nn.MaxPool2d(2),
    )


class TransitionUp(nn.Module):
    """Corner-aligned bilinear x2 of the last `in_channels` features, 3x3 convolution; no normalisation, no ReLU.

    A dense block appends what it adds, so the last features are the new ones.

    Shape:
        features ``(N, C, H, W)`` with C at least `in_channels`; returns ``(N, out_channels, 2 H, 2 W)``.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(self.up(features[:, -self.in_channels :]))


class DenseBlock(nn.Module):
    """Layers that each read the input and all features before them.

    Attributes:
        new_channels: ``layers * growth``.
        out_channels: ``in_channels + new_channels``.
    Shape:
        features ``(N, in_channels, H, W)``; returns ``(N, out_channels, H, W)``, the input first.
    """

    def __init__(self, in_channels: int, layers: int, *, growth: int, dropout: float) -> None:
        super().__init__()
        self.new_channels = layers * growth
        self.out_channels = in_channels + self.new_channels
        self.layers = nn.ModuleList(
            make_dense_layer(in_channels + index * growth, growth, dropout=dropout) for index in range(layers)
        )

    def forward(self, features: Tensor) -> Tensor:
        for layer in self.layers:
            features = torch.cat([features, layer(features)], dim=1)
        return features


class FCDenseNet(Network):
    """Dense blocks with transitions down and up; the default has 103 convolutions.

    Sun et al. print 13.9 M parameters, which is met when a transition up reads the whole stack of the block before it;
    the original (9.3 M) reads only what that block added.

    Args:
        channels: width of the first convolution.
        layers: dense layers a block: down path finest first, then the bottleneck; the up path mirrors the down path.
        growth: features that each dense layer adds.
        dropout: probability of dropout after each convolution of a dense layer or transition down.
        new_features_only: transitions up read only the new features of the block before them.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by ``2 ** (len(layers) - 1)``;
        returns logits ``(N, out_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 2,
        *,
        channels: int = 48,
        layers: Sequence[int] = (4, 5, 7, 10, 12, 15),
        growth: int = 16,
        dropout: float = 0.2,
        new_features_only: bool = False,
    ) -> None:
        super().__init__()
        self.size_divisor = 2 ** (len(layers) - 1)
        self.first = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.down_blocks, self.downs = nn.ModuleList(), nn.ModuleList()
        self.ups, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        skip_widths = []
        for depth in layers[:-1]:
            block = DenseBlock(channels, depth, growth=growth, dropout=dropout)
            self.down_blocks.append(block)
            channels = block.out_channels
            self.downs.append(make_transition_down(channels, dropout=dropout))
            skip_widths.append(channels)
        self.bottleneck = block = DenseBlock(channels, layers[-1], growth=growth, dropout=dropout)
        for depth, skip_width in zip(reversed(layers[:-1]), reversed(skip_widths), strict=True):
            up_width = block.new_channels if new_features_only else block.out_channels
            self.ups.append(TransitionUp(up_width, block.new_channels))
            block = DenseBlock(block.new_channels + skip_width, depth, growth=growth, dropout=dropout)
            self.up_blocks.append(block)
        self.head = nn.Conv2d(block.out_channels, out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        features, skips = self.first(image), []
        for block, down in zip(self.down_blocks, self.downs, strict=True):
            skips.append(block(features))
            features = down(skips[-1])
        features = self.bottleneck(features)
        for up, block in zip(self.ups, self.up_blocks, strict=True):
            features = block(torch.cat([up(features), skips.pop()], dim=1))
        return self.head(features)
