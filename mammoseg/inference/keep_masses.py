"""The rules of `find_masses` as a transform, for programs that run an exported bundle and decide by its threshold."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from mammoseg.inference.lesions import find_masses
from mammoseg.transforms.pipelines import Preprocessing


class KeepMassesd(MapTransform):
    """Sets the probability to 0 where no mass is: outside the breast, in specks, below the threshold.

    Args:
        keys: mass probability ``(1, rows, columns)`` on the original grid; stays so.
        preprocessing: what the image went through; the file is read again as it says.
        threshold: probability from which a pixel is mass.
        least_area_mm2: least area of the weights, see `find_masses`; None where they have none.

    Raises:
        InputRefusedError: when called with masses that cannot be masses, see `find_masses`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        preprocessing: Preprocessing,
        threshold: float,
        least_area_mm2: float | None = None,
    ) -> None:
        super().__init__(keys)
        self.preprocessing = preprocessing
        self.threshold = threshold
        self.least_area_mm2 = least_area_mm2

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        mammogram = self.preprocessing.read(Path(item["image"].meta["filename_or_obj"]))
        for key in self.key_iterator(item):
            probability = item[key][0].clamp(0, 1).cpu().numpy()
            found = find_masses(probability, mammogram, threshold=self.threshold, least_area_mm2=self.least_area_mm2)
            is_mass = np.any([np.zeros(probability.shape, bool), *found.lesions], axis=0)
            item[key] = item[key] * torch.from_numpy(is_mass).to(item[key].device)
        return item
