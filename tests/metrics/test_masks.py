"""What every metric takes for a pair of masks."""

import numpy as np
import pytest

from mammoseg.metrics.masks import as_mask_pair

MASK = np.array([[0, 1], [1, 0]])


@pytest.mark.parametrize("kind", [bool, np.uint8, int, np.float32])
def test_zero_and_one_of_any_kind_are_a_mask(kind):
    for mask in as_mask_pair(MASK.astype(kind), MASK.tolist()):
        assert mask.dtype == bool and mask.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    ("prediction", "target", "sentence"),
    [
        (MASK, MASK[:1], r"prediction is \(2, 2\), target is \(1, 2\).*resample"),
        (MASK[None], MASK, r"prediction has shape \(1, 2, 2\)"),
        (MASK, MASK[:0], r"target has shape \(0, 2\)"),
        (MASK * 0.5, MASK, "prediction has values other than 0 and 1; apply the threshold first"),
        (MASK, MASK * 255, "target has values other than 0 and 1"),
        (MASK, -MASK, "target has values other than 0 and 1"),
        (np.full((2, 2), np.nan), MASK, "prediction has values other than 0 and 1"),
    ],
)
def test_what_is_no_pair_of_masks_is_refused(prediction, target, sentence):
    with pytest.raises(ValueError, match=sentence):
        as_mask_pair(prediction, target)
