"""Grey values to the range a network expects."""

import numpy as np
from monai.config import KeysCollection

from mammoseg.transforms.functional.scale_intensity import scale_intensity
from mammoseg.transforms.grey import Greyd


class ScaleGreyd(Greyd):
    """Dictionary form of `scale_intensity`.

    Args:
        method: name of the method, see `scale_intensity`.
    """

    def __init__(self, keys: KeysCollection = "image", *, method: str) -> None:
        super().__init__(keys)
        self.method = method

    def change(self, channel: np.ndarray) -> np.ndarray:
        return scale_intensity(channel, method=self.method)
