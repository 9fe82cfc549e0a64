"""From the class probabilities of a network to class maps: on the original grid, for the scores, and as files."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from mammoseg.data.class_maps import IGNORED, read_class_map, write_class_map
from mammoseg.paths import get_stem
from mammoseg.transforms.original_grid import OriginalGridd


class OriginalClassesd(OriginalGridd):
    """Adds ``pred_original`` (the probabilities sent back) and ``label_original`` (the class map read again).

    Args:
        preprocessing: what the image went through.
    Shape:
        ``(classes, rows, columns)`` and ``(1, rows, columns)`` of the original image.
    """

    read_label = staticmethod(read_class_map)

    def clear(self, item: dict[Hashable, Any]) -> None:
        """Leave the predictions as they are: a photograph has no breast."""


class ClassMapsd(MapTransform):
    """Adds ``classes`` and ``true_classes``, and makes of ``pred`` and ``label`` masks of any object.

    The class maps are for the scores of each class, the masks for those of each image (`PerImageReport`). Ignored
    pixels are in neither mask. Both grids are done, that of the suffix ``_original`` where it is there.

    Shape:
        reads ``pred`` ``(classes, H, W)`` and ``label`` ``(1, H, W)``; all four are ``(1, H, W)`` afterwards.
    """

    def __init__(self) -> None:
        super().__init__(keys=("pred", "pred_original"), allow_missing_keys=True)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            grid = str(key).removeprefix("pred")
            classes, truth = item[key].argmax(dim=0, keepdim=True), item[f"label{grid}"].to(item[key].device)
            counts = truth != IGNORED
            item[f"classes{grid}"], item[f"true_classes{grid}"] = classes, truth
            item[key], item[f"label{grid}"] = ((classes > 0) & counts).float(), ((truth > 0) & counts).float()
        return item


class SaveClassMapd(MapTransform):
    """Writes the likeliest class of every pixel as ``<image_id>.classes.png``, with VOC's palette.

    Args:
        keys: class probabilities ``(classes, rows, columns)`` on the original grid.
        output_dir: folder of the files, named after ``image_id`` (the path inside the input folder).
    """

    def __init__(self, keys: KeysCollection, *, output_dir: Path | str) -> None:
        super().__init__(keys)
        self.output_dir = Path(output_dir)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            image_id = Path(item["image_id"])
            path = self.output_dir / image_id.with_name(f"{get_stem(image_id)}.classes.png")
            write_class_map(path, item[key].argmax(dim=0).cpu().numpy())
        return item
