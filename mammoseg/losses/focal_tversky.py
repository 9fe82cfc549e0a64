"""Focal Tversky loss (Abraham and Khan 2019, arXiv:1810.07842) with the constants of Isosalo et al. 2022."""

from monai.losses import TverskyLoss
from torch import Tensor, nn

FLAT = 1e-7
"""Loss below which the gradient is zero; the power's own would be infinite at a perfect match."""


class FocalTverskyLoss(nn.Module):
    """``(1 - TI) ** (1 / gamma)`` with ``TI = (TP + e) / (TP + false_negatives * FN + false_positives * FP + e)``.

    TP, FN and FP are sums of probabilities over all pixels of the batch. Without any mass in the batch TI is
    ``e / (false_positives * FP + e)``, so the loss is near 1 until next to nothing is predicted. MONAI's
    `AsymmetricFocalTverskyLoss` is another formula, over background and mass.

    Args:
        false_negatives: weight of FN.
        false_positives: weight of FP.
        gamma: focus; above 1 the loss looks harder at what is nearly right.
        smooth: the constant e, which is added above and below the fraction.
    Shape:
        logits and truth ``(N, 1, H, W)``, truth of 0 and 1; returns a scalar.

    Examples:
        >>> import torch
        >>> from mammoseg.losses.focal_tversky import FocalTverskyLoss
        >>> loss = FocalTverskyLoss()
        >>> truth = torch.zeros(1, 1, 8, 8)
        >>> truth[..., 2:6, 2:6] = 1
        >>> missed, found = torch.full_like(truth, -20), 40 * truth - 20
        >>> round(float(loss(missed, truth)), 2), float(loss(found, truth)) < 0.01
        (1.0, True)
    """

    def __init__(
        self, *, false_negatives: float = 0.7, false_positives: float = 0.3, gamma: float = 4 / 3, smooth: float = 1e-5
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.tversky = TverskyLoss(
            sigmoid=True, alpha=false_positives, beta=false_negatives, smooth_nr=smooth, smooth_dr=smooth, batch=True
        )

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        return self.tversky(logits.float(), truth).clamp_min(FLAT) ** (1 / self.gamma)
