"""A network that was never trained, with normalisations as training leaves them, for checks of equal output."""

import torch
from torch import Tensor, nn

SHIFT = 1.0
"""Mean of the shifts, in standard deviations of a feature.

At 0 a ReLU cuts off half of all values, and a deep random network is chaotic (Yang et al. 2019, arXiv:1902.08129):
another memory layout alone then moves PyTorch's own logits of FusionNet by 4e-4, as it does in no trained network.
"""

LEAST_VARIANCE = 0.1
"""Of a feature, against the mean of its layer: one that a ReLU hardly ever lets through would be blown up elsewhere."""


def make_trained_like(network: nn.Module, images: Tensor) -> None:
    """Give batch normalisations random scales (of both signs) and shifts, and the statistics of `images`.

    Those of a new network would hide mistakes, and with the statistics of nothing activations would not keep their size
    from layer to layer. The network is in training mode then.

    Args:
        images: ``(N, in_channels, H, W)``.
    """
    normalisations = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [module.momentum for module in normalisations]
    for module in normalisations:
        with torch.no_grad():
            module.weight.uniform_(0.5, 1.5).mul_(torch.randn_like(module.weight).sign())
            module.bias.normal_(SHIFT, 0.2)
        module.reset_running_stats()
        module.momentum = None  # the plain mean over what follows
    with torch.no_grad():
        network.train()(torch.cat([images, images.flip(-1)]))
    for module, momentum in zip(normalisations, momenta, strict=True):
        module.momentum = momentum
        if module.running_var is not None:
            module.running_var.clamp_(min=LEAST_VARIANCE * module.running_var.mean().item())
