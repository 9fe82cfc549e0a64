"""A crop with a way back; where to crop is said by the classes that inherit."""

import numpy as np

from mammoseg.transforms.functional.geometry import Box, crop, crop_matrix, uncrop
from mammoseg.transforms.geometric import Geometricd, Plan


class Cropd(Geometricd):
    """Crop to the box in the plan; on the way back what was cut off is 0."""

    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        return crop(array, Box(**plan))

    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        return uncrop(array, Box(**plan), size)

    def matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        return crop_matrix(Box(**plan))
