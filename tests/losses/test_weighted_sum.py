"""Losses added up."""

import pytest
import torch
from torch import nn

from mammoseg.losses.weighted_sum import WeightedSum


def test_each_loss_counts_by_its_weight():
    logits, truth = torch.tensor([3.0]), torch.tensor([1.0])  # squared difference 4, absolute 2
    assert WeightedSum([nn.MSELoss(), nn.L1Loss()])(logits, truth).item() == 6
    assert WeightedSum([nn.MSELoss(), nn.L1Loss()], weights=[0.5, 2])(logits, truth).item() == 6
    assert WeightedSum([nn.MSELoss(), nn.L1Loss()], weights=[0.25, 3])(logits, truth).item() == 7


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="1 weights for 2 losses"):
        WeightedSum([nn.MSELoss(), nn.L1Loss()], weights=[1])
