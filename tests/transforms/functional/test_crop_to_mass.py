"""The patch around a mass."""

import numpy as np

from mammoseg.transforms.functional.crop_to_mass import find_mass_box
from mammoseg.transforms.functional.geometry import Box


def test_a_patch_ends_where_the_image_ends():
    mask = np.zeros((100, 80), np.uint8)
    mask[0:10, 70:80] = 1  # at the corner; 20 x 20 around its centre would begin at row -5 and end at column 85
    assert find_mass_box(mask, area=4) == Box(0, 65, 15, 15)
