"""A loss whose stage follows the epoch."""

import pytest
import torch
from torch import nn

from mammoseg.losses.staged import StagedLoss

LOGITS, TRUTH = torch.tensor([3.0]), torch.tensor([0.0])  # squared 9, absolute 3


def test_first_loss_holds_for_its_epochs_and_the_last_one_stays():
    loss, values = StagedLoss([nn.MSELoss(), nn.L1Loss()], epochs=[2, 1]), []
    for epoch in (1, 2, 3, 4):
        loss.set_epoch(epoch)
        values.append(loss(LOGITS, TRUTH).item())
    assert values == [9, 9, 3, 3]


def test_stage_depends_on_the_epoch_alone():
    loss = StagedLoss([nn.MSELoss(), nn.L1Loss()], epochs=[2, 1])
    loss.set_epoch(3)
    loss.set_epoch(1)
    assert loss(LOGITS, TRUTH).item() == 9


def test_unknown_epoch_is_an_error():
    with pytest.raises(RuntimeError, match="call set_epoch"):
        StagedLoss([nn.MSELoss()], epochs=[1])(LOGITS, TRUTH)


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="1 durations for 2 losses"):
        StagedLoss([nn.MSELoss(), nn.L1Loss()], epochs=[1])
