"""Crop white film borders off image and mask."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mammoseg.transforms.crop import Cropd
from mammoseg.transforms.functional.crop_border import border_box
from mammoseg.transforms.geometric import Plan


class CropBorderd(Cropd):
    """Dictionary form of `crop_border`, invertible."""

    def measure(self, image: np.ndarray, metadata: Mapping[str, Any]) -> Plan:
        return border_box(image)._asdict()
