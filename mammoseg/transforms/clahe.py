"""Contrast limited adaptive histogram equalisation of the image."""

import numpy as np
from monai.config import KeysCollection

from mammoseg.transforms.functional.clahe import clahe
from mammoseg.transforms.grey import Greyd


class Clahed(Greyd):
    """Dictionary form of `clahe`.

    Args:
        clip_limit: how far a histogram bin may rise above the mean bin.
    """

    def __init__(self, keys: KeysCollection = "image", *, clip_limit: float) -> None:
        super().__init__(keys)
        self.clip_limit = clip_limit

    def change(self, channel: np.ndarray) -> np.ndarray:
        return clahe(channel, clip_limit=self.clip_limit)
