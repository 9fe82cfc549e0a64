"""A window of grey values, and its function (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

import sys
from typing import NamedTuple

import numpy as np

LEAST_WIDTH = {"LINEAR": 1.0, "LINEAR_EXACT": sys.float_info.min, "SIGMOID": sys.float_info.min}
"""VOI LUT Function to the smallest Window Width that it gives a meaning, PS3.3 C.11.2.1.2 and C.11.2.1.3."""


class Window(NamedTuple):
    """A window and its function."""

    centre: float
    width: float
    function: str

    def compute_fraction(self, values: np.ndarray) -> np.ndarray:
        """Where in the output range each value comes to lie, 0 to 1.

        Args:
            values: any shape, in the unit of the window (what the modality LUT gives).

        Returns:
            the same shape, without a unit.
        """
        centre, width = self.centre, self.width
        if self.function == "SIGMOID":  # PS3.3 C.11.2.1.3.1
            return 1 / (1 + np.exp(-4 * (values - centre) / width))
        if self.function == "LINEAR":  # PS3.3 C.11.2.1.2.1; LINEAR_EXACT (C.11.2.1.3.2) has no such halves
            centre, width = centre - 0.5, width - 1
        inside = (values - centre) / width + 0.5
        return np.where(values <= centre - width / 2, 0.0, np.where(values > centre + width / 2, 1.0, inside))
