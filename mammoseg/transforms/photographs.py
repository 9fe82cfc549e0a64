"""The deterministic list of a bundle that segments photographs."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, ScaleIntensityRanged

from mammoseg.data.class_maps import read_class_map
from mammoseg.data.photographs import read_photograph
from mammoseg.transforms.pipelines import Preprocessing
from mammoseg.transforms.resize import ResizeToGridd


class LoadPictured(MapTransform):
    """Replace a path by a float32 MetaTensor ``(channels, rows, columns)``.

    Args:
        read: function from a path to an array ``(channels, rows, columns)`` or ``(rows, columns)``.
        allow_missing_keys: keys may be absent.
    Raises:
        InputRefusedError: `read` refuses the file.
    """

    def __init__(
        self, keys: KeysCollection, *, read: Callable[[str], np.ndarray], allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.read = read

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            pixels = torch.as_tensor(self.read(d[key]).astype(np.float32))
            pixels = pixels[None] if pixels.ndim == 2 else pixels
            d[key] = MetaTensor(pixels, affine=torch.eye(3), meta={"filename_or_obj": str(d[key])}, spatial_ndim=2)
        return d


def photograph_preprocessing(
    *, spatial_size: Sequence[int], value_range: Sequence[float] = (-1.0, 1.0)
) -> Preprocessing:
    """Build the list.

    An item is ``{"image": path}`` or ``{"image": path, "label": path}``. After it, ``image`` is a float32 MetaTensor
    ``(3, rows, columns)`` and ``label`` one of class numbers and `IGNORED`, ``(1, rows, columns)``. The picture is
    stretched to the grid, as mammograms are.

    Args:
        spatial_size: rows and columns of the network's grid.
        value_range: what 0 and 255 become; timm's BiT was trained with -1 and 1.
    """
    size, (low, high) = [int(side) for side in spatial_size], (float(value) for value in value_range)
    return Preprocessing(
        [
            LoadPictured("image", read=read_photograph),
            LoadPictured("label", read=read_class_map, allow_missing_keys=True),
            ResizeToGridd(spatial_size=size),
            ScaleIntensityRanged("image", a_min=0.0, a_max=255.0, b_min=low, b_max=high),
        ],
        settings={"spatial_size": size, "value_range": [low, high]},
    )
