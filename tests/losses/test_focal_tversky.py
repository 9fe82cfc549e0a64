"""Focal Tversky loss against numbers worked out by hand."""

import pytest
import torch

from mammoseg.losses.focal_tversky import FocalTverskyLoss


def pixels(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1)


def test_missed_pixels_weigh_more_than_false_ones():
    loss = FocalTverskyLoss()(pixels(0, 0, 0, 0), pixels(1, 0, 0, 0))  # p = 0.5: TP 0.5, FN 0.5, FP 1.5
    assert loss.item() == pytest.approx((1 - 0.5 / (0.5 + 0.7 * 0.5 + 0.3 * 1.5)) ** 0.75, abs=1e-4)
    assert loss.item() == pytest.approx(0.6948, abs=1e-4)


def test_gamma_of_one_leaves_the_tversky_loss():
    loss = FocalTverskyLoss(gamma=1)(pixels(0, 0, 0, 0), pixels(1, 1, 0, 0))  # TP, FN and FP 1
    assert loss.item() == pytest.approx(0.5, abs=1e-4)


def test_sums_run_over_the_batch():
    logits, truth = pixels(0, 0, 0, 0), pixels(1, 1, 0, 0)
    halves = FocalTverskyLoss()(logits.reshape(2, 1, 1, 2), truth.reshape(2, 1, 1, 2))
    assert halves.item() == pytest.approx(FocalTverskyLoss()(logits, truth).item())


def test_empty_truth_gives_one_while_anything_is_predicted():
    assert FocalTverskyLoss()(pixels(0, 0), pixels(0, 0)).item() == pytest.approx(1, abs=1e-4)


def test_perfect_match_has_finite_gradients():
    logits = pixels(100, -100).requires_grad_()
    loss = FocalTverskyLoss()(logits, pixels(1, 0))
    loss.backward()
    assert loss.item() < 1e-4
    assert logits.grad.isfinite().all()
