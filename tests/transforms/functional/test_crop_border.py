"""White borders of a film go, and tissue stays."""

import numpy as np

from mammoseg.transforms.functional.crop_border import crop_border, find_border_box
from mammoseg.transforms.functional.geometry import Box


def test_white_borders_go_with_the_dark_line_outside():
    image = np.full((200, 100), 100, np.float32)
    image[1:4] = image[:, 98:] = 4000
    assert find_border_box(image) == Box(top=4, left=0, height=196, width=98)
    assert crop_border(image).max() == 100


def test_a_slanted_border_at_the_lower_end_goes_with_its_glow_and_one_at_the_side_does_not():
    image = np.full((1000, 200), 100, np.float32)
    image[985:] = np.linspace(400, 3000, 15)[:, None]  # glow, further from white than a border line
    for column in range(200):
        image[995 - column // 40 :, column] = 4000
    assert find_border_box(image) == Box(0, 0, 985, 200)
    assert find_border_box(image.T).width > 990


def test_dense_tissue_at_the_edge_is_no_border():
    image = np.full((200, 100), 100, np.float32)
    image[:, :20] = 4000
    assert find_border_box(image) == Box(0, 0, 200, 100)
