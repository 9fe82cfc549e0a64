"""Crop white film borders off image and mask."""

from monai.config import KeysCollection

from mammoseg.transforms.functional.steps import CropBorder
from mammoseg.transforms.geometric import Geometricd


class CropBorderd(Geometricd):
    """Dictionary form of `CropBorder`, invertible."""

    def __init__(self, keys: KeysCollection = ("image", "label"), *, allow_missing_keys: bool = True) -> None:
        super().__init__(CropBorder(), keys, allow_missing_keys=allow_missing_keys)
