"""Prediction and truth for the scores: no mass outside the breast, and both on the grid of the original file, too."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.transforms import Invertd, MapTransform

from mammoseg.data.masks import read_instances, read_mask
from mammoseg.metrics.regions import list_mass_regions
from mammoseg.transforms.functional.breast import find_recorded_breast
from mammoseg.transforms.pipelines import Preprocessing


class OriginalGridd(MapTransform):
    """Adds ``pred_original`` (the prediction sent back) and ``label_original`` (the mask read again from its file).

    Where the datalist has a mask of each mass, ``lesions`` and ``lesions_original`` are these masses one by one on the
    two grids, as `mammoseg.metrics.regions.Region`; a mass that a grid is too coarse for is left out.

    On both grids the prediction becomes 0 where `find_recorded_breast` says that no mass can be, as in
    every result; for that the image is read again.

    Args:
        preprocessing: what the image went through.
    Shape:
        both ``(1, rows, columns)`` of the original image; reads ``pred``, ``image`` and ``label``.
    """

    read_label = staticmethod(read_mask)
    """Reads the label of an image of this ``shape``."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__(keys="pred")
        self.preprocessing = preprocessing
        self.invert = Invertd(
            keys="pred_original", transform=preprocessing, orig_keys="image", nearest_interp=False, to_tensor=True
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        inverted = self.invert({"pred_original": item["pred"].clone(), "image": item["image"]})["pred_original"]
        item["pred_original"] = inverted
        self.clear(item)
        path = item["label"].meta["filename_or_obj"]
        shape = tuple(inverted.shape[-2:])
        item["label_original"] = torch.as_tensor(self.read_label(path, shape=shape))[None]
        if (instances := read_instances(item, shape=shape)) is not None:
            masks = list(instances)
            item["lesions_original"] = list_mass_regions(masks)
            item["lesions"] = list_mass_regions(
                self.preprocessing.send_mask(mask[None], item["image"])[0] for mask in masks
            )
        return item

    def clear(self, item: dict[Hashable, Any]) -> None:
        """Set the predictions of both grids to 0 outside the breast."""
        image = item["image"]
        breast = find_recorded_breast(self.preprocessing.read(image.meta["filename_or_obj"]))[None].astype(np.uint8)
        item["pred_original"] = item["pred_original"] * torch.as_tensor(breast, device=item["pred_original"].device)
        sent = np.ascontiguousarray(self.preprocessing.send_mask(breast, image))
        item["pred"] = item["pred"] * torch.as_tensor(sent, device=item["pred"].device)
