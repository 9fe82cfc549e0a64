"""Feature pyramid decoder over a ResNet encoder (Isosalo et al. 2022, Proc. SPIE 12037, 120370W)."""

import torch
from torch import Tensor, nn

from mammoseg.networks.blocks import conv_bn_relu
from mammoseg.networks.encoders import make_encoder
from mammoseg.networks.network import Network


def make_pyramid_branch(in_channels: int, out_channels: int, *, doublings: int) -> nn.Sequential:
    """3x3 convolutions without bias, normalised, with ReLU, each followed by nearest x2; one without if no doubling.

    Shape:
        ``(N, in_channels, H, W)`` to ``(N, out_channels, H * 2**doublings, W * 2**doublings)``.
    """
    layers: list[nn.Module] = [conv_bn_relu(in_channels, out_channels, bias=False)]
    for step in range(doublings):
        if step:
            layers.append(conv_bn_relu(out_channels, out_channels, bias=False))
        layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    return nn.Sequential(*layers)


class ResNetFPN(Network):
    """Pyramid over the four coarsest levels of the encoder, each brought to stride 4, merged, enlarged four times.

    Args:
        encoder: ``resnet34`` (the paper feeds it 3 channels), ``resnet22`` (1 channel), or a network of timm.
        encoder_weights: None, a file, or "imagenet"; see `make_encoder`.
        pyramid_channels: width of the pyramid (Lin et al. 2017, arXiv:1612.03144).
        channels: width of its branches and of what is merged.
        dropout: share of whole channels that is dropped before the head.
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
        pyramid_channels: int = 256,
        channels: int = 128,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.encoder = make_encoder(encoder, in_channels, weights=encoder_weights)
        coarse_to_fine = self.encoder.channels[:0:-1]  # all but the finest
        self.laterals = nn.ModuleList(nn.Conv2d(width, pyramid_channels, 1) for width in coarse_to_fine)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.branches = nn.ModuleList(
            make_pyramid_branch(pyramid_channels, channels, doublings=doublings) for doublings in (3, 2, 1, 0)
        )
        self.merge = conv_bn_relu(4 * channels, channels)
        self.head = nn.Sequential(
            nn.Dropout2d(dropout),
            nn.Conv2d(channels, out_channels, 1),
            nn.Upsample(scale_factor=4, mode="bilinear", align_corners=True),
        )

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        levels = self.encoder(image)[:0:-1]
        pyramid = [self.laterals[0](levels[0])]
        for lateral, level in zip(self.laterals[1:], levels[1:], strict=True):
            pyramid.append(self.up(pyramid[-1]) + lateral(level))
        branches = [branch(level) for branch, level in zip(self.branches, pyramid, strict=True)]
        return self.head(self.merge(torch.cat(branches, dim=1)))
