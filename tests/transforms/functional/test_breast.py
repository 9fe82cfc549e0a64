"""Where the breast is: the largest bright piece, without its holes."""

import numpy as np

from mammoseg.transforms.functional.breast import find_bounding_box, find_breast_mask
from mammoseg.transforms.functional.geometry import Box
from tests.transforms.functional.made_breast import breast_and_label


def test_the_breast_is_the_largest_component():
    mask = find_breast_mask(breast_and_label())
    assert mask[100, 20]
    assert not mask[15, 90]


def test_holes_in_the_breast_belong_to_it():
    image = breast_and_label()
    image[90:110, 20:30] = 0
    assert find_breast_mask(image)[100, 25]


def test_a_box_from_a_coarser_mask_covers_all_its_pixels():
    mask = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], bool)
    assert find_bounding_box(mask, (10, 10)) == Box(top=3, left=3, height=4, width=4)
