"""Losses over classes: values worked out by hand, pixels that do not count, finite gradients."""

import math

import pytest
import torch

from mammoseg.losses.class_cross_entropy import ClassCrossEntropy
from mammoseg.losses.class_focal_tversky import ClassFocalTverskyLoss

BOTH = pytest.mark.parametrize("loss", [ClassCrossEntropy, ClassFocalTverskyLoss])
TRUTH = torch.tensor([[[[0.0, 1.0, 255.0]]]])  # (1, 1, 1, 3)


def logits(*probabilities: tuple[float, ...]) -> torch.Tensor:
    """Logits (1, classes, 1, pixels) of the probabilities of each pixel."""
    return torch.tensor(probabilities).log().T[None, :, None]


GUESS = logits((0.5, 0.25, 0.25), (0.25, 0.5, 0.25), (0.1, 0.1, 0.8))


def test_cross_entropy_is_the_mean_over_the_pixels_that_count():
    loss = ClassCrossEntropy(ignored=255)(GUESS, TRUTH)
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.5)) / 2)


def test_focal_tversky_is_the_mean_over_the_classes_of_the_truth():
    # Classes 0 and 1 alike: TP 0.5, FN 0.5, FP 0.25; class 2 is nowhere in the truth.
    index = 0.5 / (0.5 + 0.7 * 0.5 + 0.3 * 0.25)
    loss = ClassFocalTverskyLoss(ignored=255, smooth=0.0)(GUESS, TRUTH)
    assert loss.item() == pytest.approx((1 - index) ** 0.75, rel=1e-5)


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
