"""Cross-entropy of class maps that have a channel and pixels that do not count."""

import torch.nn.functional as F
from torch import Tensor, nn


class ClassCrossEntropy(nn.Module):
    """Mean of ``-log p`` of the true class over the pixels that count; 0 where none does.

    MONAI's `DiceCELoss` knows no ignored class, PyTorch's loss takes no channel.

    Args:
        ignored: class number of pixels that do not count.
    Shape:
        logits ``(N, classes, H, W)``, truth ``(N, 1, H, W)`` of class numbers; returns a scalar.
    """

    def __init__(self, *, ignored: int) -> None:
        super().__init__()
        self.ignored = ignored

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        classes = truth[:, 0].long()
        total = F.cross_entropy(logits.float(), classes, ignore_index=self.ignored, reduction="sum")
        return total / (classes != self.ignored).sum().clamp_min(1)
