"""The score of a lesion: its highest probability, moved to how often such marks were masses where somebody looked.

Two numbers do it, as Platt 1999 scales the outputs of support vector machines: a scale and an offset of the logit. A
temperature alone (Guo et al. 2017) turns about 0.5, and marks at 0.5 are masses less often than every second time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammoseg.odds import apply_sigmoid, logit

UNCALIBRATED = "uncalibrated"
"""Kind of a score that is the highest probability of the network as it is."""


@dataclass(frozen=True)
class Calibration:
    """From the highest probability of a lesion to the share of such marks that are masses.

    Attributes:
        scale: factor of the logit, above 0, so that the order of lesions stays.
        offset: number added to it.
        fitted_on: what the marks were of which the share is known, such as the name of a datalist.
    """

    scale: float
    offset: float
    fitted_on: str

    def __call__(self, highest: ArrayLike) -> np.ndarray:
        """Scores 0 to 1, float64 of the shape of `highest`.

        Args:
            highest: highest probability of each lesion, 0 to 1.

        Examples:
            >>> from mammoseg.calibration import Calibration
            >>> round(float(Calibration(scale=1.0, offset=0.0, fitted_on="nothing")(0.75)), 6)
            0.75
            >>> round(float(Calibration(scale=0.5, offset=-1.0, fitted_on="nothing")(0.5)), 3)  # 1 / (1 + e)
            0.269
        """
        return apply_sigmoid(self.scale * logit(highest) + self.offset)

    def __str__(self) -> str:
        return f"sigmoid({self.scale:.4g} logit(highest probability) {self.offset:+.4g}) fitted on {self.fitted_on}"
