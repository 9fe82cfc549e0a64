"""What all transforms of grey values share: apply a function to each channel, keep the metadata."""

from abc import abstractmethod
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform


class Greyd(MapTransform):
    """A transform of grey values; a subclass says what becomes of one channel. Geometry and masks stay."""

    def __init__(self, keys: KeysCollection = "image") -> None:
        super().__init__(keys)

    @abstractmethod
    def change(self, channel: np.ndarray) -> np.ndarray:
        """Change one float32 channel ``(rows, columns)``."""

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            changed = np.stack([self.change(channel) for channel in d[key].cpu().numpy()])
            d[key] = MetaTensor(torch.as_tensor(changed, device=d[key].device)).copy_meta_from(d[key])
        return d
