"""A predictor for tests that need no network."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from mammoseg.data.mammogram import read_mammogram


@dataclass
class BrightIsMass:
    """Stands in for a network: the brighter a pixel, the likelier it is mass."""

    name = "bright"
    version = "1.0"
    weights_sha256 = "ab" * 32
    threshold = 0.5
    weights_path = Path("demo/model.pt")
    phantom_only: bool = False

    def __call__(self, path):
        mammogram = read_mammogram(path)
        probability = (mammogram.pixels - mammogram.value_range[0]) / np.ptp(mammogram.value_range)
        return SimpleNamespace(probability=probability.astype(np.float32), mammogram=mammogram)
