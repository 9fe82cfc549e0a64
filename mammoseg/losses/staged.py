"""One loss after the other in the course of a training run."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from torch import Tensor, nn


class StagedLoss(nn.Module):
    """Each loss for its number of epochs; the last one stays. An empty truth gives what the loss at work gives for it.

    The stage follows from the epoch alone, which the handler `LossEpoch` tells, so a resumed run is in the right one.

    Args:
        losses: loss functions of logits and truth.
        epochs: how long each one holds, for example ``(20, 60)``.
    Raises:
        ValueError: when the two lists differ in length.
    """

    def __init__(self, losses: Sequence[nn.Module], *, epochs: Sequence[int]) -> None:
        super().__init__()
        if len(epochs) != len(losses):
            raise ValueError(f"{len(epochs)} durations for {len(losses)} losses; give as many of each.")
        self.losses = nn.ModuleList(losses)
        self.ends = list(accumulate(epochs[:-1]))
        self.stage: int | None = None

    def set_epoch(self, epoch: int) -> None:
        """Take the loss of `epoch`, counted from 1 as Ignite does."""
        self.stage = bisect_left(self.ends, epoch)

    def forward(self, logits: Tensor, truth: Tensor) -> Tensor:
        """The loss at work for logits and truth ``(N, C, H, W)``, a scalar.

        Raises:
            RuntimeError: nobody told the epoch.
        """
        if self.stage is None:
            raise RuntimeError("the epoch is not known; call set_epoch, or give the trainer the handler LossEpoch.")
        return self.losses[self.stage](logits, truth)
