"""The same function in less time: a trained network rewritten for inference on the device it is on.

Batch normalisations are folded into convolutions (`mammoseg.inference.folding`) and all tensors are kept
channels-last, the layout that oneDNN and cuDNN compute in; convolutions may run in half precision. docs/speed.md has
the measurements.
"""

import torch
from torch import Tensor, nn

from mammoseg.inference.folding import fold_normalisations

HALF = torch.float16
"""Precision of convolutions on a GPU, the one that training with MONAI's ``amp`` has too."""


class Accelerated(nn.Module):
    """A network that gets its images as plain channels-last tensors, under autocast where `dtype` is given.

    Shape:
        image ``(N, in_channels, H, W)``; returns logits ``(N, out_channels, H, W)``, float32.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.network, self.dtype = network, dtype

    def forward(self, image: Tensor) -> Tensor:
        image = image.as_subclass(Tensor).contiguous(memory_format=torch.channels_last)
        with torch.autocast(image.device.type, dtype=self.dtype, enabled=self.dtype is not None):
            return self.network(image).float()


@torch.no_grad()
def accelerate(network: nn.Module, example: Tensor, *, dtype: torch.dtype | None = None) -> nn.Module:
    """Network of the same function for inference; the given one stays as it is.

    Args:
        network: network on the device where it will run; the result cannot be trained, moved or saved.
        example: an image that the network takes, ``(N, in_channels, H, W)``; only the shape is used.
        dtype: what convolutions compute with, under autocast; None for float32.
    Returns:
        A module in evaluation mode. In float32 its logits differ by rounding, else as the precision does.
    """
    fast = fold_normalisations(network, example).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if example.device.type == "cpu":
        for module in fast.modules():
            if isinstance(module, nn.GroupNorm):
                module.register_forward_pre_hook(centre_groups)
    return Accelerated(fast, dtype).eval()


def centre_groups(normalisation: nn.GroupNorm, read: tuple[Tensor]) -> Tensor:
    """Features ``(N, C, H, W)`` less the mean of each group, so that the normalisation loses no digits.

    For channels-last features on a CPU PyTorch takes the variance as E[x²] − E[x]², and that cancels where the mean is
    large.
    """
    (features,) = read
    means = features.mean((2, 3)).unflatten(1, (normalisation.num_groups, -1)).mean(2)
    return features - means.repeat_interleave(features.shape[1] // normalisation.num_groups, dim=1)[..., None, None]
