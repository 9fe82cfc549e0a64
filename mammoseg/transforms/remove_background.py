"""Set everything outside the breast to background."""

from monai.config import KeysCollection

from mammoseg.transforms.functional.steps import RemoveBackground
from mammoseg.transforms.grey import Greyd


class RemoveBackgroundd(Greyd):
    """Dictionary form of `RemoveBackground`; the mask of the masses is left alone."""

    def __init__(self, keys: KeysCollection = "image") -> None:
        super().__init__(RemoveBackground(), keys)
