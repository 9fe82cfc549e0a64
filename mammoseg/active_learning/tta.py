"""Test-time augmentation: how much the answer changes when the image is changed in ways that change no mass."""

import itertools

import torch
from torch import Tensor

GAMMAS = (1.0, 0.8, 1.25)
"""Exponents on the image's grey values, scaled to 0..1 for it and back."""

FLIPS = (False, True)
"""Upside down or not. Left and right are not exchanged, for preprocessing puts the chest wall on the left."""


def make_light_views(image: Tensor) -> Tensor:
    """The image ``(C, H, W)`` in six variants, ``(6, C, H, W)``; the first is the image itself."""
    lowest, highest = image.min(), image.max()
    unit = (image - lowest) / (highest - lowest).clamp_min(torch.finfo(image.dtype).tiny)
    views = []
    for gamma, is_flipped in itertools.product(GAMMAS, FLIPS):
        view = image if gamma == 1 else unit**gamma * (highest - lowest) + lowest
        views.append(view.flip(-2) if is_flipped else view)
    return torch.stack(views)


def undo_light_views(maps: Tensor) -> Tensor:
    """Maps ``(6, ..., H, W)`` of `make_light_views` on the grid of the image; exact, for flips resample nothing."""
    flipped = [is_flipped for _, is_flipped in itertools.product(GAMMAS, FLIPS)]
    return torch.stack([one.flip(-2) if turned else one for one, turned in zip(maps, flipped, strict=True)])
