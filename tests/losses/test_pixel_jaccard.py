"""The Jaccard index as a mean over pixels."""

import pytest
import torch

from mammoseg.losses.pixel_jaccard import PixelJaccardLoss


def test_each_pixel_has_a_ratio_of_its_own():
    probability = torch.tensor([0.8, 0.3, 0.6]).reshape(1, 1, 1, 3)
    truth = torch.tensor([1.0, 1, 0]).reshape(1, 1, 1, 3)
    loss = PixelJaccardLoss()(probability.logit(), truth)
    assert loss.item() == pytest.approx(1 - (0.8 + 0.3 + 0) / 3, abs=1e-5)


def test_an_empty_truth_gives_1_and_a_gradient_that_is_a_number():
    logits = torch.full((1, 1, 2, 2), -200.0, requires_grad=True)
    loss = PixelJaccardLoss()(logits, torch.zeros(1, 1, 2, 2))
    loss.backward()
    assert loss.item() == 1 and logits.grad.isfinite().all()
