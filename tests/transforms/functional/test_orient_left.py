"""Every breast hangs from the left."""

import numpy as np
import pytest

from mammoseg.transforms.functional.orient_left import faces_left_wall, needs_flip, orient_left
from tests.transforms.functional.made_breast import breast_and_label


@pytest.mark.parametrize("side", ["L", "R"])
def test_orientation_is_seen_from_the_pixels_where_laterality_is_unknown(side):
    image = breast_and_label() if side == "L" else breast_and_label()[:, ::-1]
    assert faces_left_wall(image) == (side == "L")
    np.testing.assert_array_equal(orient_left(image), breast_and_label())


def test_laterality_decides_where_it_is_known():
    assert needs_flip(breast_and_label(), "R")
    assert not needs_flip(breast_and_label()[:, ::-1], "L")
