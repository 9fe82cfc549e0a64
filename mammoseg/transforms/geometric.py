"""What all invertible transforms of this package share: measure on the image, move every key, remember, move back."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform
from monai.utils import TraceKeys

from mammoseg.transforms.functional.steps import Move, Plan


class Geometricd(MapTransform, InvertibleTransform):
    """A geometric transform whose plan is decided on the first key (the image) and carried out on all.

    Images are interpolated by area, every other key by nearest neighbour; `Invertd` may ask for nearest.

    Args:
        step: says what to measure, and how to move there and back.
        keys: the image first, then what shares its grid.
        allow_missing_keys: keys after the first may be absent.
    """

    def __init__(
        self, step: Move, keys: KeysCollection = ("image", "label"), *, allow_missing_keys: bool = True
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.step = step

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        plan = self.measure(d)
        for key in self.key_iterator(d):
            tensor = d[key]
            rows, columns = (int(side) for side in tensor.shape[1:])
            size = (rows, columns)
            mode = "area" if key == self.keys[0] else "nearest"
            moved = _make_like(tensor, self.step.move(tensor.cpu().numpy(), plan, mode=mode))
            d[key] = self.push_transform(
                moved,
                orig_size=size,
                affine=torch.as_tensor(self.step.compute_matrix(plan, size=size)),
                extra_info={"mode": mode, "plan": dict(plan)},
            )
            # MONAI's keys are members of an enumeration, which `torch.load(weights_only=True)` refuses, and its id is
            # the address of this object, which would make every cache file different.
            traced = d[key].applied_operations[-1]
            d[key].applied_operations[-1] = {str(name): value for name, value in traced.items()} | {"id": 0}
        return d

    def measure(self, data: Mapping[Hashable, Any]) -> Plan:
        """The plan that the step decides on the image of an item."""
        image = data[self.keys[0]]
        return self.step.measure(image[0].cpu().numpy(), image.meta)

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            traced = self.pop_transform(d[key])
            rows, columns = (int(side) for side in traced[TraceKeys.ORIG_SIZE])
            size = (rows, columns)
            info = traced[TraceKeys.EXTRA_INFO]
            matrix = np.linalg.inv(self.step.compute_matrix(info["plan"], size=size))
            array = d[key].cpu().numpy()
            back = _make_like(d[key], self.step.move_back(array, info["plan"], size=size, mode=info["mode"]))
            tracked = self.track_transform_meta(back, affine=torch.as_tensor(matrix))
            d[key] = back.copy_meta_from(tracked)
        return d

    def _transforms_match(self, transform: Mapping) -> bool:  # private, of MONAI
        """Match by class, not by the address of the object, which means nothing in another process or from a cache."""
        return transform.get(TraceKeys.CLASS_NAME) == type(self).__name__


def _make_like(tensor: torch.Tensor, array: np.ndarray) -> MetaTensor:
    if min(array.strides) < 0:  # torch has no negative strides; a crop stays a view
        array = array.copy()
    moved = MetaTensor(torch.as_tensor(array, device=tensor.device))
    return moved.copy_meta_from(tensor) if isinstance(tensor, MetaTensor) else moved
