"""Whatever the head, the result is one map of probability."""

import re

import numpy as np
import pytest
import torch

from mammoseg.inference.probability import compute_mass_channel
from mammoseg.transforms.mass_probability import MassProbabilityd, compute_mass_probability


def test_one_channel_is_a_sigmoid():
    assert compute_mass_probability(torch.zeros(1, 2, 2)).tolist() == [[[0.5, 0.5], [0.5, 0.5]]]


def test_two_channels_give_the_softmax_of_the_second():
    logits = torch.tensor([0.0, torch.log(torch.tensor(3.0))]).reshape(2, 1, 1)
    assert compute_mass_probability(logits).item() == pytest.approx(0.75)


def test_half_precision_logits_become_float32():
    assert MassProbabilityd("pred")({"pred": torch.zeros(2, 1, 1).half()})["pred"].dtype == torch.float32


def test_other_heads_are_refused():
    with pytest.raises(ValueError, match="21 channels"):
        compute_mass_probability(torch.zeros(21, 1, 1))


@pytest.mark.parametrize("channels", [1, 2])
def test_engines_without_torch_compute_the_same(channels):
    logits = np.random.default_rng(0).normal(0, 4, (channels, 5, 3)).astype(np.float32)
    expected = compute_mass_probability(torch.from_numpy(logits))[0].numpy()
    np.testing.assert_allclose(compute_mass_channel(logits), expected, rtol=1e-5)


def test_engines_without_torch_refuse_other_heads_with_the_same_words():
    with pytest.raises(ValueError) as expected:
        compute_mass_probability(torch.zeros(3, 1, 1))
    with pytest.raises(ValueError, match=re.escape(str(expected.value))):
        compute_mass_channel(np.zeros((3, 1, 1)))
