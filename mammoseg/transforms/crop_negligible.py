"""Crop image and mask to what is not dark throughout."""

from monai.config import KeysCollection

from mammoseg.transforms.functional.steps import CropNegligible
from mammoseg.transforms.geometric import Geometricd


class CropNegligibled(Geometricd):
    """Dictionary form of `CropNegligible`, invertible."""

    def __init__(self, keys: KeysCollection = ("image", "label"), *, allow_missing_keys: bool = True) -> None:
        super().__init__(CropNegligible(), keys, allow_missing_keys=allow_missing_keys)
