"""Resample image and mask to a grid."""

from collections.abc import Sequence

from monai.config import KeysCollection

from mammoseg.transforms.functional.steps import ResizeToGrid
from mammoseg.transforms.geometric import Geometricd


class ResizeToGridd(Geometricd):
    """Dictionary form of `ResizeToGrid`, invertible: area for the image where it shrinks, nearest for the mask.

    Args:
        spatial_size: rows and columns.
        keeps_aspect: fit into `spatial_size` and keep the proportions, instead of stretching.
    """

    def __init__(
        self,
        keys: KeysCollection = ("image", "label"),
        *,
        spatial_size: Sequence[int],
        keeps_aspect: bool = False,
        allow_missing_keys: bool = True,
    ) -> None:
        rows, columns = (int(side) for side in spatial_size)
        super().__init__(ResizeToGrid((rows, columns), keeps_aspect), keys, allow_missing_keys=allow_missing_keys)
