"""What is dark throughout goes, and a label stays."""

from mammoseg.transforms.functional.crop_negligible import find_dark_frame_box
from mammoseg.transforms.functional.geometry import Box
from tests.transforms.functional.made_breast import breast_and_label


def test_rows_and_columns_that_are_dark_throughout_go_and_those_of_the_label_stay():
    assert find_dark_frame_box(breast_and_label()) == Box(10, 0, 150, 95)
