"""Turn image and mask so that the chest wall is at the left."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mammoseg.transforms.functional.geometry import flip_matrix
from mammoseg.transforms.functional.orient_left import needs_flip
from mammoseg.transforms.geometric import Geometricd, Plan


class OrientLeftd(Geometricd):
    """Dictionary form of `orient_left`, invertible; takes ``laterality`` from the metadata of the image."""

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        return {"flip": int(needs_flip(image, metadata.get("laterality")))}

    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        return array[:, :, ::-1] if plan["flip"] else array

    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        return self.move(array, plan, mode=mode)

    def matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        return flip_matrix(size[1]) if plan["flip"] else np.eye(3)
