"""Contrast limited adaptive histogram equalisation of the image."""

from monai.config import KeysCollection

from mammoseg.transforms.functional.steps import Clahe
from mammoseg.transforms.grey import Greyd


class Clahed(Greyd):
    """Dictionary form of `Clahe`.

    Args:
        clip_limit: how far a histogram bin may rise above the mean bin.
    """

    def __init__(self, keys: KeysCollection = "image", *, clip_limit: float) -> None:
        super().__init__(Clahe(clip_limit), keys)
