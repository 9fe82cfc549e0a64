"""U-Net of segmentation_models_pytorch, the baseline of Vassilenko 2022 (MSc thesis, HSE Moscow)."""

from collections.abc import Sequence

from torch import Tensor

from mammoseg.compat import heal_torchvision
from mammoseg.networks.network import Network
from mammoseg.networks.pretrained import load_timm_weights


class SmpUNet(Network):
    """`segmentation_models_pytorch.Unet` itself.

    Args:
        encoder: name of an encoder of segmentation_models_pytorch.
        encoder_weights: None, a file in timm's names, or "imagenet"; see `load_timm_weights`.
        channels: width of each decoder level, finest first.
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
        channels: Sequence[int] = (16, 32, 64, 128, 256),
    ) -> None:
        super().__init__()
        heal_torchvision()
        import segmentation_models_pytorch as smp  # takes two seconds and needs torchvision

        model = smp.Unet(
            encoder,
            encoder_weights=None,
            decoder_channels=tuple(reversed(channels)),
            in_channels=in_channels,
            classes=out_channels,
        )
        self.encoder, self.decoder, self.head = model.encoder, model.decoder, model.segmentation_head
        if encoder_weights is not None:
            load_timm_weights(self.encoder, encoder_weights, name=encoder)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        return self.head(self.decoder(self.encoder(image)))
