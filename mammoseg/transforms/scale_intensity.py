"""Grey values to the range a network expects."""

from monai.config import KeysCollection

from mammoseg.transforms.functional.steps import ScaleGrey
from mammoseg.transforms.grey import Greyd


class ScaleGreyd(Greyd):
    """Dictionary form of `ScaleGrey`.

    Args:
        method: name of the method, see `scale_intensity`.
    """

    def __init__(self, keys: KeysCollection = "image", *, method: str) -> None:
        super().__init__(ScaleGrey(method), keys)
