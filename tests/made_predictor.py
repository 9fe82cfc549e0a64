"""A predictor for tests that need no network."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from mammoseg.data.mammogram import read_mammogram
from mammoseg.dicom.algorithm import Algorithm


@dataclass
class BrightIsMass:
    """Stands in for a network: the brighter a pixel, the likelier it is mass."""

    algorithm: Algorithm = Algorithm("bright", "1.0", "ab" * 32, 0.5)
    modalities: tuple[str, ...] = ("MG",)

    def __call__(self, path):
        mammogram = read_mammogram(path, modalities=self.modalities)
        probability = (mammogram.pixels - mammogram.value_range[0]) / np.ptp(mammogram.value_range)
        return SimpleNamespace(probability=probability.astype(np.float32), mammogram=mammogram, boxes=())
