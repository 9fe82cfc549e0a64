"""Jaccard loss as a mean over pixels, eq. (2) of Isosalo et al. 2022, doi:10.1117/12.2628190."""

from torch import Tensor, nn


class PixelJaccardLoss(nn.Module):
    """``1 - mean(p t / (p + t - p t + smooth))`` over all pixels, each with a ratio of its own.

    Where the truth is 0 the ratio is 0, so the loss is ``1 - mean(p t)`` and near 1 for small masses; the loss of a sum
    over pixels is ``DiceLoss(jaccard=True)`` of MONAI.

    Args:
        smooth: keeps 0 / 0 at 0.
    Shape:
        logits and truth ``(N, 1, H, W)``, truth of 0 and 1; returns a scalar.

    Examples:
        >>> import torch
        >>> from mammoseg.losses.pixel_jaccard import PixelJaccardLoss
        >>> truth = torch.tensor([1.0, 1, 0, 0]).reshape(1, 1, 1, 4)
        >>> round(float(PixelJaccardLoss()(torch.zeros(1, 1, 1, 4), truth)), 4)  # p = 0.5: two ratios of 0.5, two of 0
        0.75
    """

    def __init__(self, *, smooth: float = 1e-7) -> None:
        super().__init__()
        self.smooth = smooth

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        probability = logits.float().sigmoid()
        common = probability * truth
        return 1 - (common / (probability + truth - common + self.smooth)).mean()
