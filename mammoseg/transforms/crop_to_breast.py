"""Crop image and mask to the breast."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mammoseg.transforms.crop import Cropd
from mammoseg.transforms.functional.crop_to_breast import breast_box
from mammoseg.transforms.geometric import Plan


class CropToBreastd(Cropd):
    """Dictionary form of `crop_to_breast`, invertible."""

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        return breast_box(image)._asdict()
