"""Grey values to the range a network expects."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from mammoseg.transforms.functional.scale_intensity import scale_intensity


class ScaleGreyd(MapTransform):
    """Dictionary form of `scale_intensity`.

    Args:
        method: ``"unit"``, ``"percentile"`` or ``"zscore"``.
    """

    def __init__(self, keys: KeysCollection = "image", *, method: str) -> None:
        super().__init__(keys)
        self.method = method

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            scaled = torch.as_tensor(scale_intensity(d[key].cpu().numpy(), method=self.method))
            d[key] = d[key].__class__(scaled).copy_meta_from(d[key])
        return d
