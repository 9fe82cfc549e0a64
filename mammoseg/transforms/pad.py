"""Pad image and mask to the network's grid, or to a square."""

from collections.abc import Sequence

from monai.config import KeysCollection

from mammoseg.transforms.functional.steps import PadToGrid
from mammoseg.transforms.geometric import Geometricd


class PadToGridd(Geometricd):
    """Dictionary form of `PadToGrid`, invertible: the image is padded with its lowest value, the mask with 0.

    Args:
        spatial_size: rows and columns; None pads to a square.
    """

    def __init__(
        self,
        keys: KeysCollection = ("image", "label"),
        *,
        spatial_size: Sequence[int] | None = None,
        allow_missing_keys: bool = True,
    ) -> None:
        size = None if spatial_size is None else (int(spatial_size[0]), int(spatial_size[1]))
        super().__init__(PadToGrid(size), keys, allow_missing_keys=allow_missing_keys)
