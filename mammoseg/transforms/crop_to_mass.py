"""Crop image and mask to a patch around the mass."""

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection

from mammoseg.errors import InputRefusedError
from mammoseg.transforms.functional.steps import CropToMass, Plan
from mammoseg.transforms.geometric import Geometricd


class CropToMassd(Geometricd):
    """Dictionary form of `CropToMass`, invertible: measured on the second key, the mask of one mass."""

    def __init__(self, keys: KeysCollection = ("image", "label"), *, area: float) -> None:
        super().__init__(CropToMass(area), keys, allow_missing_keys=False)

    def measure(self, data: Mapping[Hashable, Any]) -> Plan:
        """The plan that the step decides on the mask of an item.

        Raises:
            InputRefusedError: ``E_NO_MASS``, there is no mask, or it is empty.
        """
        if self.keys[1] not in data:
            raise InputRefusedError(
                "E_NO_MASS", "a patch lies around a mass that is known, and here is no mask of one."
            )
        return super().measure({self.keys[0]: data[self.keys[1]]})
