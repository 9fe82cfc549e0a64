"""The cut to the breast."""

import pytest

from mammoseg.transforms.functional.crop_to_breast import crop_to_breast, find_breast_box
from tests.transforms.functional.made_breast import breast_and_label


def test_breast_box_holds_the_breast_and_little_more():
    box = find_breast_box(breast_and_label())
    assert 36 <= box.top <= 40
    assert 160 <= box.top + box.height <= 164
    assert (box.left, box.width) == (0, pytest.approx(52, abs=2))
    assert crop_to_breast(breast_and_label()).shape == (box.height, box.width)
