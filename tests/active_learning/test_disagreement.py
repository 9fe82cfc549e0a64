"""BALD tells what the samples disagree on from what all find uncertain; dropout is left on for it alone."""

import numpy as np
import pytest
import torch
from torch import nn

from mammoseg.active_learning.disagreement import compute_bald, dropout_on, list_dropout_layers


def test_samples_that_contradict_each_other_have_one_bit():
    np.testing.assert_allclose(compute_bald(np.array([[[0.0]], [[1.0]]])), [[1]])


def test_samples_that_agree_on_a_half_have_none():
    np.testing.assert_allclose(compute_bald(np.full((4, 2, 2), 0.5)), np.zeros((2, 2)))


def test_a_hand_computed_case():
    # mean 1/2: 1 bit; entropy of 1/4 and of 3/4: 0.811278 bits each
    np.testing.assert_allclose(compute_bald(np.array([[[0.25]], [[0.75]]])), [[1 - 0.8112781244591328]])


def test_a_rate_of_zero_is_no_dropout():
    network = nn.Sequential(nn.Dropout(0.0), nn.Dropout2d(0.3), nn.Conv2d(1, 1, 1))
    assert list_dropout_layers(network) == [network[1]]


def test_dropout_is_on_inside_and_off_after_and_normalisation_stays_off():
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5)).eval()
    with dropout_on(network, seed=0):
        assert network[1].training and not network[0].training
    assert not network[1].training


def test_dropout_goes_off_when_the_block_fails():
    network = nn.Sequential(nn.Dropout(0.5)).eval()
    with pytest.raises(ZeroDivisionError), dropout_on(network, seed=0):
        raise ZeroDivisionError
    assert not network[0].training


def test_draws_come_from_the_seed_and_disturb_no_others():
    network, image = nn.Sequential(nn.Dropout(0.5)).eval(), torch.ones(1, 1, 8, 8)
    state = torch.get_rng_state()
    runs = []
    for seed in (1, 1, 2):
        with dropout_on(network, seed=seed):
            runs.append(network(image))
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    assert torch.equal(torch.get_rng_state(), state)
