"""Resample image and mask to a grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection

from mammoseg.transforms.functional.geometry import resize, resize_matrix
from mammoseg.transforms.geometric import Geometricd, Plan


class ResizeToGridd(Geometricd):
    """Dictionary form of `resize`, invertible: area for the image where it shrinks, nearest for the mask.

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
        super().__init__(keys, allow_missing_keys)
        self.spatial_size = tuple(int(side) for side in spatial_size)
        self.keeps_aspect = keeps_aspect

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        rows, columns = self.spatial_size
        if self.keeps_aspect:
            scale = min(rows / image.shape[0], columns / image.shape[1])
            rows, columns = (max(1, round(side * scale)) for side in image.shape)
        return {"rows": rows, "columns": columns}

    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        return resize(array, (plan["rows"], plan["columns"]), mode=mode)

    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        return resize(array, size, mode=mode)

    def matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        return resize_matrix(size, (plan["rows"], plan["columns"]))
