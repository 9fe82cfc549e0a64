"""The deterministic list of a bundle that segments photographs."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, ScaleIntensityRanged

from mammoseg.data.class_maps import read_class_map
from mammoseg.data.photographs import read_photograph
from mammoseg.transforms.pipelines import Preprocessing, takes
from mammoseg.transforms.resize import ResizeToGridd
from mammoseg.transforms.settings import list_photograph_settings


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


@takes(list_photograph_settings)
def build_photograph_preprocessing(settings: dict[str, Any]) -> Preprocessing:
    """Build the list.

    An item is ``{"image": path}`` or ``{"image": path, "label": path}``. After it, ``image`` is a float32 MetaTensor
    ``(3, rows, columns)`` and ``label`` one of class numbers and `IGNORED`, ``(1, rows, columns)``. The picture is
    stretched to the grid, as mammograms are.

    Args:
        settings: complete; callers give them by name, see `mammoseg.transforms.settings.list_photograph_settings`.
    """
    low, high = settings["value_range"]
    return Preprocessing(
        [
            LoadPictured("image", read=read_photograph),
            LoadPictured("label", read=read_class_map, allow_missing_keys=True),
            ResizeToGridd(spatial_size=settings["spatial_size"]),
            ScaleIntensityRanged("image", a_min=0.0, a_max=255.0, b_min=low, b_max=high),
        ],
        settings=settings,
    )
