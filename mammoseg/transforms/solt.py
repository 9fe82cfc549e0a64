"""Random grey transforms as SOLT has them (Isosalo et al. 2022 name it), which MONAI has with other formulas."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform


def correct_gamma(image: torch.Tensor, gamma: float) -> torch.Tensor:
    """``image ** (1 / gamma)``: above 1 brighter; MONAI's ``AdjustContrast`` takes the power itself.

    Shape:
        image of 0 to 1, any shape; returns the same.
    """
    return image.clamp_min(0) ** (1 / gamma)


def blend_noise(image: torch.Tensor, noise: torch.Tensor, gain: float) -> torch.Tensor:
    """``(1 - gain) * image + gain * noise`` with the noise scaled to 0 to 1 by its own lowest and highest value.

    Shape:
        image of 0 to 1 and noise ``(channels, H, W)``; returns the same.
    """
    low, high = noise.min(), noise.max()
    return (1 - gain) * image + gain * (noise - low) / (high - low).clamp_min(1e-6)


class RandGammaCorrectiond(RandomizableTransform, MapTransform):
    """Gamma correction with a random gamma.

    Args:
        keys: images, float of 0 to 1 ``(channels, H, W)``.
        prob: probability that it is done.
        gamma: lowest and highest gamma.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.5, *, gamma: Sequence[float] = (0.5, 1.8)) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.gamma = (min(gamma), max(gamma))
        self.drawn = 1.0

    def randomize(self, data: Any) -> None:
        """Draw whether it is done, and the gamma."""
        super().randomize(data)
        self.drawn = float(self.R.uniform(*self.gamma))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        self.randomize(None)
        for key in self.key_iterator(item) if self._do_transform else ():  # private, of MONAI
            item[key] = correct_gamma(item[key], self.drawn)
        return item


class RandBlendNoised(RandomizableTransform, MapTransform):
    """Blends an image with Gaussian noise; the image loses as much as the noise gains.

    Args:
        keys: images, float of 0 to 1 ``(channels, H, W)``.
        prob: probability that there is noise.
        gain: highest share of the noise; the share itself is drawn between 0 and this.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.5, *, gain: float = 0.5) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.gain = gain
        self.drawn = 0.0

    def randomize(self, data: Any) -> None:
        """Draw whether there is noise, and how much."""
        super().randomize(data)
        self.drawn = float(self.R.uniform(0, self.gain))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        self.randomize(None)
        for key in self.key_iterator(item) if self._do_transform else ():  # private, of MONAI
            drawn = self.R.standard_normal(tuple(item[key].shape))
            noise = torch.as_tensor(drawn, dtype=item[key].dtype, device=item[key].device)
            item[key] = blend_noise(item[key], noise, self.drawn)
        return item
