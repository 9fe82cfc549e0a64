"""Masks on their way to a browser and back."""

import numpy as np
import pytest

from mammoseg.interactive.prompts import PromptError
from mammoseg.interactive.run_lengths import RunLengths


def test_a_mask_comes_back_as_it_went():
    random = np.random.default_rng(0)
    for _ in range(20):
        mask = np.zeros((30, 40), bool)
        mask[5:20, 7:33] = random.random((15, 26)) > 0.5
        assert np.array_equal(RunLengths.from_mask(mask).to_mask((30, 40)), mask)


def test_runs_go_row_by_row_within_the_bounding_box_and_the_first_is_outside():
    mask = np.zeros((6, 8), bool)
    mask[2, 3:6] = mask[3, 4] = True
    assert RunLengths.from_mask(mask) == RunLengths((2, 3, 4, 6), (0, 3, 1, 1, 1))
    assert RunLengths.from_mask(np.zeros((6, 8), bool)) == RunLengths(None, ())


@pytest.mark.parametrize(
    ("box", "counts", "sentence"),
    [
        ([0, 0, 7, 2], [14], "outside of the image"),
        ([-1, 0, 2, 2], [6], "outside of the image"),
        ([3, 3, 3, 5], [], "empty"),
        ([0, 0, 2, 2], [1, 2], "do not add up to the 4 pixels"),
        ([0, 0, 2, 2], [5, -1], "do not add up"),
        (None, [1], "without a box"),
    ],
)
def test_what_is_no_mask_of_the_image_is_refused_with_a_sentence(box, counts, sentence):
    with pytest.raises(PromptError, match=sentence):
        RunLengths.from_json(box, counts).to_mask((6, 8))


def test_runs_longer_than_the_box_take_no_memory():
    with pytest.raises(PromptError, match="add up"):
        RunLengths.from_json([0, 0, 2, 2], [10**12, 10**12]).to_mask((6, 8))
