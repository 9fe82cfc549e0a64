"""From the logits of any head to one map of mass probability."""

from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from mammoseg.transforms.functional.mass_channels import make_channels_error

MASS_CHANNEL = 1
"""Channel of mass in a head with background and mass."""


def compute_mass_probability(logits: torch.Tensor) -> torch.Tensor:
    """Probability of mass, ``(1, H, W)`` in 0..1.

    Args:
        logits: ``(1, H, W)`` for a sigmoid head, ``(2, H, W)`` (background, mass) for a softmax head.
    Raises:
        ValueError: for any other number of channels.
    """
    channels = logits.shape[0]
    if channels == 1:
        return torch.sigmoid(logits)
    if channels == 2:
        return torch.softmax(logits, dim=0)[MASS_CHANNEL : MASS_CHANNEL + 1]
    raise make_channels_error(channels)


class MassProbabilityd(MapTransform):
    """Dictionary version of `compute_mass_probability`; mixed-precision logits become float32 first."""

    def __init__(self, keys: KeysCollection) -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = compute_mass_probability(item[key].float())
        return item
