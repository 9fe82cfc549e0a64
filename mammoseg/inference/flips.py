"""Flips at test: what a network says of an image and of the same image upside down, as one answer."""

from typing import Any

import torch
from monai.inferers import SimpleInferer
from torch import Tensor

from mammoseg.calibration import SMALLEST


class FlipInferer(SimpleInferer):
    """MONAI's inferer for a whole image; with flips, the mean of the probabilities of the image and of its flip.

    Left and right are not exchanged, for preprocessing puts the chest wall on the left.

    Args:
        flips: whether to look twice.
    """

    def __init__(self, flips: bool) -> None:
        super().__init__()
        self.flips = flips

    def __call__(self, inputs: Tensor, network: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Logits ``(N, C, H, W)`` for images of these; those of the mean probability where it looks twice."""
        logits = super().__call__(inputs, network, *args, **kwargs)
        if not self.flips:
            return logits
        turned = super().__call__(inputs.flip(-2), network, *args, **kwargs).flip(-2)
        if logits.shape[1] == 1:
            mean = (logits.float().sigmoid() + turned.float().sigmoid()) / 2
            return torch.logit(mean, eps=SMALLEST)
        mean = (logits.float().softmax(dim=1) + turned.float().softmax(dim=1)) / 2
        return mean.clamp_min(SMALLEST).log()
