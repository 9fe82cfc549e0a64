"""The gates of Attention U-Net."""

import torch

from mammoseg.networks.attention_unet import AttentionGate


def seeded_gate():
    torch.manual_seed(0)
    return AttentionGate(4, 6).eval(), torch.rand(1, 4, 8, 12), torch.rand(1, 6, 4, 6)


def test_gate_weights_each_pixel_between_0_and_1():
    gate, skip, signal = seeded_gate()
    weights = gate.compute_weights(skip, signal)
    assert weights.shape == (1, 1, 8, 12) and (weights > 0).all() and (weights < 1).all()


def test_weights_of_one_leave_the_skip_before_the_closing_convolution():
    gate, skip, signal = seeded_gate()
    torch.nn.init.constant_(gate.psi.bias, 1e9)  # sigmoid gives exactly 1
    assert torch.equal(gate(skip, signal), gate.exit(skip))


def test_weights_of_zero_leave_nothing_of_the_skip():
    gate, skip, signal = seeded_gate()
    torch.nn.init.constant_(gate.psi.bias, -1e9)  # sigmoid gives exactly 0
    assert torch.equal(gate(skip, signal), gate.exit(torch.zeros_like(skip)))


def test_the_gating_signal_changes_the_weights():
    gate, skip, signal = seeded_gate()
    assert not torch.allclose(gate.compute_weights(skip, signal), gate.compute_weights(skip, 2 * signal))
