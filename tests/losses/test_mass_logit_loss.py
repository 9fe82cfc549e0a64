"""A common loss means the same for heads of one and of two channels."""

import torch
from torch import nn

from mammoseg.losses.mass_logit_loss import MassLogitLoss


def test_two_channels_give_the_loss_of_their_difference():
    logits = torch.tensor([[0.3, 1.3], [2.0, 0.5]]).reshape(2, 2, 1, 1)  # background, mass of two images
    truth = torch.tensor([1.0, 0.0]).reshape(2, 1, 1, 1)
    loss = MassLogitLoss(nn.BCEWithLogitsLoss())
    cross_entropy = nn.CrossEntropyLoss()(logits[:, :, 0, 0], truth[:, 0, 0, 0].long())
    assert torch.isclose(loss(logits, truth), cross_entropy)


def test_one_channel_passes_unchanged():
    logits, truth = torch.randn(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    assert torch.equal(MassLogitLoss(nn.BCEWithLogitsLoss())(logits, truth), nn.BCEWithLogitsLoss()(logits, truth))
