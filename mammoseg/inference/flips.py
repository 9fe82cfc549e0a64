"""Flips at test: what a network says of an image and of the same image upside down, as one answer."""

from typing import Any

import torch
from monai.inferers import Inferer, SimpleInferer
from torch import Tensor

from mammoseg.odds import SMALLEST


class FlipInferer(SimpleInferer):
    """MONAI's inferer for a whole image; with flips, the mean of the probabilities of the image and of its flip.

    Left and right are not exchanged, for preprocessing puts the chest wall on the left.

    Args:
        flips: whether to look twice.
        inferer: how to look once; None for MONAI's own.
    """

    def __init__(self, flips: bool, *, inferer: Inferer | None = None) -> None:
        super().__init__()
        self.flips = flips
        self.look = inferer or SimpleInferer()

    def __call__(self, inputs: Tensor, network: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Logits ``(N, C, H, W)`` for images of these; those of the mean probability where it looks twice."""
        logits = self.look(inputs, network, *args, **kwargs)
        if not self.flips:
            return logits
        turned = self.look(inputs.flip(-2), network, *args, **kwargs).flip(-2)
        if logits.shape[1] == 1:
            mean = (logits.float().sigmoid() + turned.float().sigmoid()) / 2
            return torch.logit(mean, eps=SMALLEST)
        mean = (logits.float().softmax(dim=1) + turned.float().softmax(dim=1)) / 2
        return mean.clamp_min(SMALLEST).log()
