"""Set everything outside the breast to background."""

import numpy as np

from mammoseg.transforms.functional.remove_background import remove_background
from mammoseg.transforms.grey import Greyd


class RemoveBackgroundd(Greyd):
    """Dictionary form of `remove_background`; the mask of the masses is left alone."""

    def change(self, channel: np.ndarray) -> np.ndarray:
        return remove_background(channel)
