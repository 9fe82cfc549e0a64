"""Random salt-and-pepper noise, which MONAI does not have."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform


def add_salt_and_pepper(image: torch.Tensor, chance: torch.Tensor, *, share: float) -> torch.Tensor:
    """Pixels whose `chance` is below half of `share` become 0, those above ``1 - share / 2`` become 1.

    Shape:
        image ``(channels, H, W)`` of 0 to 1, chance ``(H, W)`` uniform in 0 to 1; returns the shape of the image.
    """
    return image.masked_fill(chance < share / 2, 0.0).masked_fill(chance > 1 - share / 2, 1.0)


class RandSaltAndPepperd(RandomizableTransform, MapTransform):
    """Sets pixels to 0 or 1 with probability `prob`, the same ones in all channels.

    Args:
        keys: images, float of 0 to 1 ``(channels, H, W)``.
        prob: probability that there is noise.
        share: highest share of pixels that changes; the share itself is drawn between 0 and this.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.5, *, share: float = 0.1) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.share = share
        self.drawn_share = 0.0

    def randomize(self, data: Any) -> None:
        """Draw whether there is noise, and how much."""
        super().randomize(data)
        self.drawn_share = float(self.R.uniform(0, self.share))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        self.randomize(None)
        for key in self.key_iterator(d) if self._do_transform else ():  # private, of MONAI
            chance = torch.as_tensor(self.R.uniform(size=tuple(d[key].shape[1:])), device=d[key].device)
            d[key] = add_salt_and_pepper(d[key], chance, share=self.drawn_share)
        return d
