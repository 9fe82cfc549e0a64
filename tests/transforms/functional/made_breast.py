"""A breast with straight edges and a film label beside it."""

import numpy as np


def breast_and_label():
    """200 x 100: breast in rows 40..159 and columns 0..49, label in rows 10..19 and columns 85..94."""
    image = np.zeros((200, 100), np.float32)
    image[40:160, :50] = 1000
    image[10:20, 85:95] = 3000
    return image
