"""Turn image and mask so that the chest wall is at the left."""

from monai.config import KeysCollection

from mammoseg.transforms.functional.steps import OrientLeft
from mammoseg.transforms.geometric import Geometricd


class OrientLeftd(Geometricd):
    """Dictionary form of `OrientLeft`, invertible; takes ``laterality`` from the metadata of the image."""

    def __init__(self, keys: KeysCollection = ("image", "label"), *, allow_missing_keys: bool = True) -> None:
        super().__init__(OrientLeft(), keys, allow_missing_keys=allow_missing_keys)
