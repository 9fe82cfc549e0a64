"""Prediction and truth on the pixel grid of the original file, for metrics that do not depend on the network's size."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import Invertd, MapTransform

from mammoseg.data.masks import read_mask
from mammoseg.transforms.pipelines import Preprocessing


class OriginalGridd(MapTransform):
    """Adds ``pred_original`` (the prediction sent back) and ``label_original`` (the mask read again from its file).

    Args:
        preprocessing: what the image went through.
    Shape:
        both ``(1, rows, columns)`` of the original image; reads ``pred``, ``image`` and ``label``.
    """

    read_label = staticmethod(read_mask)
    """Reads the label of an image of this ``shape``."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__(keys="pred")
        self.invert = Invertd(
            keys="pred_original", transform=preprocessing, orig_keys="image", nearest_interp=False, to_tensor=True
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        inverted = self.invert({"pred_original": item["pred"].clone(), "image": item["image"]})["pred_original"]
        item["pred_original"] = inverted
        path = item["label"].meta["filename_or_obj"]
        item["label_original"] = torch.as_tensor(self.read_label(path, shape=tuple(inverted.shape[-2:])))[None]
        return item
