"""One loss for every head, so that a common recipe is the same for all architectures."""

from torch import Tensor, nn


class MassLogitLoss(nn.Module):
    """Gives a one-channel loss the logit of mass, whatever channels the head has.

    The softmax of two logits is the sigmoid of their difference, so nothing is lost: for a head with background and
    mass the logit of mass is the second minus the first.

    Args:
        loss: loss function of one-channel logits and truth, for example MONAI's ``DiceCELoss(sigmoid=True)``.
    Shape:
        logits ``(N, 1, H, W)`` or ``(N, 2, H, W)``, truth ``(N, 1, H, W)`` of 0 and 1; returns what `loss` returns.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        if logits.shape[1] == 2:
            logits = logits[:, 1:] - logits[:, :1]
        return self.loss(logits, truth)
