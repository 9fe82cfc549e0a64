"""Pad image and mask to the network's grid, or to a square."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection

from mammoseg.transforms.functional.geometry import Box, crop
from mammoseg.transforms.functional.pad import pad
from mammoseg.transforms.geometric import Geometricd, Plan


class PadToGridd(Geometricd):
    """Dictionary form of `pad`, invertible: the image is padded with its lowest value, the mask with 0.

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
        super().__init__(keys, allow_missing_keys)
        self.spatial_size = spatial_size and tuple(int(side) for side in spatial_size)

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        rows, columns = self.spatial_size or (max(image.shape), max(image.shape))
        return {"rows": rows, "columns": columns, "fill": float(image.min())}

    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        return pad(array, (plan["rows"], plan["columns"]), fill=plan["fill"] if mode == "area" else 0.0)

    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        return crop(array, Box(0, 0, *size))

    def matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        return np.eye(3)
