"""U-Net and U-Net++ of segmentation_models_pytorch, the baselines of Vassilenko 2022 (MSc thesis, HSE Moscow)."""

from collections.abc import Sequence

from torch import Tensor

from mammoseg.compat import heal_torchvision
from mammoseg.errors import WrongCallError
from mammoseg.networks.network import Network
from mammoseg.networks.pretrained import load_timm_weights

DECODERS = {"unet": "Unet", "unetplusplus": "UnetPlusPlus"}
"""Class of segmentation_models_pytorch by the name of its decoder."""


class SmpUNet(Network):
    """`segmentation_models_pytorch.Unet` or `UnetPlusPlus` (Zhou et al. 2018, arXiv:1807.10165) itself.

    Chosen reading: U-Net++ with scSE attention, which the thesis does not name but its parameter count needs. The
    library builds, but never calls, the first attention of its finest node, which has no skip: it gets no gradient.

    Args:
        decoder: one of `DECODERS`.
        encoder: name of an encoder of segmentation_models_pytorch.
        encoder_weights: None, a file in timm's names, or "imagenet"; see `load_timm_weights`.
        channels: width of each decoder level, finest first.
        attention: ``scse`` (spatial and channel squeeze-and-excitation, Roy et al. 2018, arXiv:1803.02579) or None.
    Shape:
        image ``(N, in_channels, H, W)``, H and W divisible by 32; returns logits ``(N, out_channels, H, W)``.
    Raises:
        WrongCallError: there is no such decoder.
    """

    size_divisor = 32

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 1,
        *,
        decoder: str = "unet",
        encoder: str = "resnet34",
        encoder_weights: str | None = None,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        attention: str | None = None,
    ) -> None:
        super().__init__()
        if decoder not in DECODERS:
            raise WrongCallError(f"decoder is '{decoder}', it is one of {', '.join(DECODERS)}.")
        heal_torchvision()
        import segmentation_models_pytorch as smp  # takes two seconds and needs torchvision

        model = getattr(smp, DECODERS[decoder])(
            encoder,
            encoder_weights=None,
            decoder_channels=tuple(reversed(channels)),
            decoder_attention_type=attention,
            in_channels=in_channels,
            classes=out_channels,
        )
        self.encoder, self.decoder, self.head = model.encoder, model.decoder, model.segmentation_head
        if encoder_weights is not None:
            load_timm_weights(self.encoder, encoder_weights, name=encoder)

    def forward(self, image: Tensor) -> Tensor:
        self.check_size(image)
        return self.head(self.decoder(self.encoder(image)))
