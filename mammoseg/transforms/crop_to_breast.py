"""Crop image and mask to the breast."""

from monai.config import KeysCollection

from mammoseg.transforms.functional.steps import CropToBreast
from mammoseg.transforms.geometric import Geometricd


class CropToBreastd(Geometricd):
    """Dictionary form of `CropToBreast`, invertible."""

    def __init__(self, keys: KeysCollection = ("image", "label"), *, allow_missing_keys: bool = True) -> None:
        super().__init__(CropToBreast(), keys, allow_missing_keys=allow_missing_keys)
