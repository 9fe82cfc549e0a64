"""What all transforms of grey values share: apply a function to each channel, keep the metadata."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from mammoseg.transforms.functional.steps import Grey


class Greyd(MapTransform):
    """A transform of grey values; geometry and masks stay.

    Args:
        step: says what becomes of one channel.
    """

    def __init__(self, step: Grey, keys: KeysCollection = "image") -> None:
        super().__init__(keys)
        self.step = step

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            changed = np.stack([self.step.change(channel) for channel in d[key].cpu().numpy()])
            d[key] = MetaTensor(torch.as_tensor(changed, device=d[key].device)).copy_meta_from(d[key])
        return d
