"""White borders of a film go, and tissue stays."""

import numpy as np

from mammoseg.transforms.functional.crop_border import crop_border, find_border_box
from mammoseg.transforms.functional.geometry import Box


def test_white_borders_go_with_the_dark_line_outside():
    image = np.full((200, 100), 100, np.float32)
    image[1:4] = image[:, 98:] = 4000
    assert find_border_box(image) == Box(top=4, left=0, height=196, width=98)
    assert crop_border(image).max() == 100


def test_dense_tissue_at_the_edge_is_no_border():
    image = np.full((200, 100), 100, np.float32)
    image[:, :20] = 4000
    assert find_border_box(image) == Box(0, 0, 200, 100)
