"""U-Net over a light encoder that sees, beside the mammogram, what a person said about the mass; our own."""

import torch
from torch import Tensor, nn

from mammoseg.networks.resnet_unet import ResNetUNet


class ClickUNet(ResNetUNet):
    """`ResNetUNet` whose first channel is the mammogram and whose others are guidance: clicks, box, mask so far.

    The encoder is made for the mammogram alone, with the weights it may bring; its first convolution is then widened by
    zeros. So before training the guidance changes nothing, and the pretrained features are as they were.

    Args:
        in_channels: one of the mammogram, the others of guidance (`mammoseg.interactive.guidance`).
        encoder: a network of timm.
        encoder_weights: None, a file, "imagenet" or "package"; see `make_encoder`.
        channels: width of the finest decoder level; the others are 2, 2, 8, 8 times as wide, the centre 8 times.
        dropout: share of whole channels that is dropped before the head.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by 64; returns logits ``(N, out_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int = 5,
        out_channels: int = 1,
        *,
        encoder: str = "tf_efficientnet_lite0",
        encoder_weights: str | None = None,
        channels: int = 8,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(
            1, out_channels, encoder=encoder, encoder_weights=encoder_weights, channels=channels, dropout=dropout
        )
        widen(next(module for module in self.encoder.modules() if isinstance(module, nn.Conv2d)), in_channels)


def widen(convolution: nn.Conv2d, in_channels: int) -> None:
    """Let a convolution of one channel read `in_channels`, all but the first with weight 0.

    Shape:
        the weight ``(out, 1, k, k)`` becomes ``(out, in_channels, k, k)``.
    """
    weight: Tensor = convolution.weight.detach()
    out, _, *kernel = weight.shape
    convolution.weight = nn.Parameter(torch.cat([weight, weight.new_zeros(out, in_channels - 1, *kernel)], dim=1))
    convolution.in_channels = in_channels
