"""BALD: what the weights disagree on, apart from what every one of them finds uncertain.

Mutual information between prediction and weights (Houlsby et al. 2011, arXiv:1112.5745), estimated with dropout left on
(Gal et al. 2017, arXiv:1703.02910).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from mammoseg.active_learning.uncertainty import compute_binary_entropy

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
"""Layers that can be left on at inference."""


def compute_bald(samples: np.ndarray) -> np.ndarray:
    """Entropy of the mean minus mean of the entropies, in bits: 0 where all samples agree, 1 where half say no.

    Args:
        samples: probabilities ``(samples, rows, columns)``.
    Returns:
        ``(rows, columns)``, 0 to 1.
    """
    return np.maximum(compute_binary_entropy(samples.mean(axis=0)) - compute_binary_entropy(samples).mean(axis=0), 0)


def list_dropout_layers(network: nn.Module) -> list[nn.Module]:
    """Layers that drop something when they are left on; a rate of 0 drops nothing."""
    return [module for module in network.modules() if isinstance(module, DROPOUTS) and module.p > 0]


@contextmanager
def dropout_on(network: nn.Module, *, seed: int) -> Iterator[None]:
    """Leave dropout on while the block runs, and nothing else of training; draws come from `seed` alone."""
    layers = list_dropout_layers(network)
    devices = [parameter.device for parameter in network.parameters() if parameter.is_cuda][:1]
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        for layer in layers:
            layer.train()
        try:
            yield
        finally:
            for layer in layers:
                layer.eval()
