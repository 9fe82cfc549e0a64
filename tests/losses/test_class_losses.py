"""What holds for every loss over classes: pixels that do not count, finite gradients."""

import pytest
import torch

from mammoseg.losses.class_cross_entropy import ClassCrossEntropy
from mammoseg.losses.class_focal_tversky import ClassFocalTverskyLoss
from tests.losses.class_guess import GUESS, TRUTH

BOTH = pytest.mark.parametrize("loss", [ClassCrossEntropy, ClassFocalTverskyLoss])


@BOTH
def test_ignored_pixels_change_neither_loss_nor_gradient(loss):
    other = GUESS.clone()
    other[..., 2] = torch.tensor([[5.0], [-3.0], [1.0]])
    other.requires_grad_()
    value = loss(ignored=255)(other, TRUTH)
    value.backward()
    assert value.item() == pytest.approx(loss(ignored=255)(GUESS, TRUTH).item())
    assert other.grad[..., 2].abs().max() == 0 and other.grad[..., :2].abs().max() > 0


@BOTH
def test_truth_without_any_pixel_that_counts_gives_zero(loss):
    values = GUESS.clone().requires_grad_()
    result = loss(ignored=255)(values, torch.full_like(TRUTH, 255.0))
    result.backward()
    assert result.item() == 0 and values.grad.abs().max() == 0


@BOTH
def test_a_perfect_match_gives_next_to_nothing_and_finite_gradients(loss):
    values = (torch.eye(3)[[0, 1, 2]].T[None, :, None] * 50).requires_grad_()
    result = loss(ignored=255)(values, TRUTH)
    result.backward()
    assert result.item() < 1e-4 and values.grad.isfinite().all()
