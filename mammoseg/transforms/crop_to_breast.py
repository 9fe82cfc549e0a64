"""Crop image and mask to the breast."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mammoseg.transforms.functional.crop_to_breast import breast_box
from mammoseg.transforms.functional.geometry import Box, crop, crop_matrix, uncrop
from mammoseg.transforms.geometric import Geometricd, Plan


class Cropd(Geometricd):
    """A crop to the box in its plan; subclasses say which box."""

    def move(self, array: np.ndarray, plan: Plan, *, mode: str) -> np.ndarray:
        return crop(array, Box(**plan))

    def move_back(self, array: np.ndarray, plan: Plan, *, size: tuple[int, int], mode: str) -> np.ndarray:
        return uncrop(array, Box(**plan), size)

    def matrix(self, plan: Plan, *, size: tuple[int, int]) -> np.ndarray:
        return crop_matrix(Box(**plan))


class CropToBreastd(Cropd):
    """Dictionary form of `crop_to_breast`, invertible."""

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        return breast_box(image)._asdict()
