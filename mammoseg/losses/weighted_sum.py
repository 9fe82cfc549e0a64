"""A loss that adds others up."""

from collections.abc import Sequence

from torch import Tensor, nn


class WeightedSum(nn.Module):
    """``sum(weight * loss(logits, truth))``; an empty truth gives what the parts give for it.

    Args:
        losses: loss functions of logits and truth.
        weights: one a loss; None weighs each with 1.
    Raises:
        ValueError: when the two lists differ in length.
    """

    def __init__(self, losses: Sequence[nn.Module], *, weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.losses = nn.ModuleList(losses)
        self.weights = [1.0] * len(losses) if weights is None else list(weights)
        if len(self.weights) != len(losses):
            raise ValueError(f"{len(self.weights)} weights for {len(losses)} losses; give as many of each.")

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        parts = [weight * loss(logits, truth) for weight, loss in zip(self.weights, self.losses, strict=True)]
        return sum(parts[1:], parts[0])
