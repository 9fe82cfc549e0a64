"""Attention U-Net (Oktay et al. 2018, arXiv:1804.03999), 2D, in the variant of Baccouche et al. 2021.

Sarker et al. 2022 call it "AUNet"; it is not the AUNet of Sun et al. 2020, which is `mammoseg.networks.AUNet`.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from mammoseg.networks.blocks import PlainBlock, PoolingEncoder, conv_bn_relu, conv_relu
from mammoseg.networks.network import Network


class AttentionGate(nn.Module):
    """Weights each pixel of a skip connection by what the coarser level sees there.

    Args:
        channels: width of the skip and inner width.
        signal_channels: width of the gating signal.
    Shape:
        skip ``(N, channels, H, W)``, signal ``(N, signal_channels, H / 2, W / 2)``; returns ``(N, channels, H, W)``.
    """

    def __init__(self, channels: int, signal_channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, channels, 2, stride=2)
        self.phi = nn.Conv2d(signal_channels, channels, 1)
        self.spread = nn.ConvTranspose2d(channels, channels, 3, padding=1)
        self.psi = nn.Conv2d(channels, 1, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.exit = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))

    def compute_weights(self, skip: Tensor, signal: Tensor) -> Tensor:
        """Weight of each pixel, ``(N, 1, H, W)`` in (0, 1)."""
        compared = torch.relu(self.spread(self.phi(signal)) + self.theta(skip))
        return self.up(torch.sigmoid(self.psi(compared)))

    def forward(self, skip: Tensor, signal: Tensor) -> Tensor:
        return self.exit(self.compute_weights(skip, signal) * skip)


class GatedUp(nn.Module):
    """One decoder level: gated skip, 3x3 transposed convolution with ReLU, two 3x3 convolutions with ReLU.

    Args:
        in_channels: width of the coarse features; the gating signal is twice as wide.
        up_channels: width after the transposed convolution.
        channels: width of the skip and of the output.
    Shape:
        coarse ``(N, in_channels, H / 2, W / 2)``, skip ``(N, channels, H, W)``; returns ``(N, channels, H, W)``.
    """

    def __init__(self, in_channels: int, up_channels: int, channels: int) -> None:
        super().__init__()
        self.signal = conv_bn_relu(in_channels, 2 * in_channels, kernel_size=1)
        self.gate = AttentionGate(channels, 2 * in_channels)
        self.up = nn.ConvTranspose2d(in_channels, up_channels, 3, stride=2, padding=1, output_padding=1)
        self.convs = nn.Sequential(conv_relu(up_channels + channels, channels), conv_relu(channels, channels))

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        gated = self.gate(skip, self.signal(coarse))
        return self.convs(torch.cat([torch.relu(self.up(coarse)), gated], dim=1))


class AttentionUNet(Network):
    """U-Net whose skip connections pass an attention gate; bottleneck and decoder are not normalised.

    Chosen reading: gating signals are normalised, and the up-convolution of the second-finest level keeps its width, as
    in the original code. The transposed convolutions are centred as PyTorch does, one pixel beside Keras' "same".

    Args:
        channels: width of each level, finest first.
        up_channels: width after the transposed convolution of each level but the coarsest, finest first.
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
        up_channels: Sequence[int] = (32, 128, 128, 256),
    ) -> None:
        super().__init__()
        self.size_divisor = 2 ** (len(channels) - 1)
        *fine, coarsest = channels
        plain = [PlainBlock(i, o) for i, o in pairwise((in_channels, *fine))]
        bottleneck = nn.Sequential(conv_relu(fine[-1], coarsest), conv_relu(coarsest, coarsest))
        self.encoder = PoolingEncoder([*plain, bottleneck])
        levels = zip(pairwise(reversed(channels)), reversed(up_channels), strict=True)
        self.ups = nn.ModuleList(GatedUp(coarse, up, skip) for (coarse, skip), up in levels)
        self.head = nn.Conv2d(fine[0], out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        *skips, features = self.encoder(image)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            features = up(features, skip)
        return self.head(features)
