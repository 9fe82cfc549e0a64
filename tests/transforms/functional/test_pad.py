"""Padding to a grid."""

import numpy as np
import pytest

from mammoseg.transforms.functional.pad import pad


def test_pad_puts_the_image_at_the_top_left():
    assert pad(np.ones((1, 1, 2)), (2, 3), fill=7).tolist() == [[[1, 1, 7], [7, 7, 7]]]


def test_pad_refuses_to_shrink():
    with pytest.raises(ValueError, match="image is 3 x 2, it cannot be padded to 2 x 2; resize it first"):
        pad(np.ones((1, 3, 2)), (2, 2), fill=0)
