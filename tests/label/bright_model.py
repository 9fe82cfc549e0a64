"""Weights of a network that was never trained and yet is right: every pixel above a part of the grey range is mass."""

from pathlib import Path

import torch

from mammoseg.checkpoints.checkpoint import save_checkpoint
from mammoseg.networks import UNet
from mammoseg.transforms.pipelines import build_film_preprocessing

STEEP = 40.0
"""Logits a unit of grey, so that the probability goes from 0.02 to 0.98 within a fifth of the range."""


def bright_network(grey: float = 0.5) -> UNet:
    """A tiny UNet in which only the finest skip connection is alive: it hands the grey value to the head.

    Args:
        grey: fraction of the range above which a pixel is mass.
    """
    network = UNet(in_channels=3, out_channels=2, channels=(4, 8, 16))
    with torch.no_grad():
        convolutions = [part for part in network.modules() if isinstance(part, torch.nn.Conv2d)]
        for convolution in convolutions:
            convolution.weight.zero_()
            if convolution.bias is not None:
                convolution.bias.zero_()
        finest = [part for part in network.units[-1].modules() if isinstance(part, torch.nn.Conv2d)]
        for convolution in [*convolutions[:2], *finest]:
            convolution.weight[0, 0, 1, 1] = 1
        network.head.weight[1, 0] = STEEP
        network.head.bias[1] = -STEEP * grey
    return network


def write_bright_weights(
    path: Path,
    *,
    spatial_size: tuple[int, int] = (256, 256),
    grey: float = 0.5,
    patch_area: float | None = None,
    voi: str = "first",
    **said: str,
) -> Path:
    """Weights of a `bright_network` that sees the whole image, or patches; `said` goes into their provenance."""
    network = bright_network(grey)
    settings = build_film_preprocessing(
        spatial_size=spatial_size,
        crop_border=patch_area is None,
        crop_to_breast=False,
        remove_background=False,
        patch_area=patch_area,
        voi=voi,
    ).settings
    content = {"network": network.config, "preprocessing": settings, "provenance": {"bundle": "unet", **said}}
    save_checkpoint(path, {"model": network.state_dict(), **content})
    return path
