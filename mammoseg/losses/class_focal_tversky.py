"""Focal Tversky loss (Abraham and Khan 2019, arXiv:1810.07842) of several classes."""

import torch
from monai.losses import TverskyLoss
from torch import Tensor, nn

from mammoseg.losses.focal_tversky import FLAT


class ClassFocalTverskyLoss(nn.Module):
    """Mean of ``(1 - TI) ** (1 / gamma)`` over the classes that the truth of the batch has; 0 where it has none.

    TI is the Tversky index of a class as in `FocalTverskyLoss`. A class that is nowhere in the truth has an index near
    0 whatever is predicted, which would only hide the others. MONAI's `AsymmetricFocalTverskyLoss` knows two classes.

    Args:
        ignored: class number of pixels that do not count.
        false_negatives: weight of FN.
        false_positives: weight of FP.
        gamma: focus; above 1 the loss looks harder at what is nearly right.
        smooth: added to numerator and denominator of TI.
    Shape:
        logits ``(N, classes, H, W)``, truth ``(N, 1, H, W)`` of class numbers; returns a scalar.
    """

    def __init__(
        self,
        *,
        ignored: int,
        false_negatives: float = 0.7,
        false_positives: float = 0.3,
        gamma: float = 4 / 3,
        smooth: float = 1e-5,
    ) -> None:
        super().__init__()
        self.ignored = ignored
        self.gamma = gamma
        self.tversky = TverskyLoss(
            softmax=True,
            to_onehot_y=True,
            alpha=false_positives,
            beta=false_negatives,
            smooth_nr=smooth,
            smooth_dr=smooth,
            batch=True,
            reduction="none",
            ignore_index=ignored,
        )

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        losses = self.tversky(logits.float(), truth).clamp_min(FLAT) ** (1 / self.gamma)  # (classes,)
        there = torch.bincount(truth[truth != self.ignored].long(), minlength=len(losses)) > 0
        return (losses * there).sum() / there.sum().clamp_min(1)
