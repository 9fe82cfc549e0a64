"""Learning-rate schedules, and what one on the validation metric looks at."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class StepwiseLR(LambdaLR):
    """One learning rate after the other, each for its number of epochs; the last one stays.

    Args:
        optimizer: optimizer whose own learning rate is replaced by the listed ones.
        epochs: how long each rate holds, for example ``(40, 30, 30, 20)``.
        rates: learning rates, as many as there are steps.
    Raises:
        ValueError: when the two lists differ in length.
    """

    def __init__(self, optimizer: Optimizer, *, epochs: Sequence[int], rates: Sequence[float]) -> None:
        if len(epochs) != len(rates):
            raise ValueError(f"{len(epochs)} durations for {len(rates)} learning rates; give as many of each.")
        ends = list(accumulate(epochs[:-1]))
        initial = [group["lr"] for group in optimizer.param_groups]
        super().__init__(optimizer, [self._build_factor(ends, rates, lr) for lr in initial])

    @staticmethod
    def _build_factor(ends: list[int], rates: Sequence[float], initial: float) -> Callable[[int], float]:
        return lambda epoch: rates[bisect_right(ends, epoch)] / initial


class WarmupCosineLR(LambdaLR):
    """A linear rise to the optimizer's learning rate, then half a cosine down to zero.

    The length is no part of the state, so a run that is continued with more epochs follows the longer curve; MONAI's
    `WarmupCosineSchedule` saves its length and would rise again.

    Args:
        optimizer: optimizer whose learning rate is the highest.
        epochs: number of epochs of the whole run; or its iterations, where the schedule steps after each of them.
        warmup: epochs (or iterations) of the rise.
    """

    def __init__(self, optimizer: Optimizer, *, epochs: int, warmup: int = 0) -> None:
        def compute_factor(epoch: int) -> float:
            if epoch < warmup:
                return (epoch + 1) / (warmup + 1)
            return 0.5 + 0.5 * math.cos(math.pi * (epoch - warmup) / max(1, epochs - warmup))

        super().__init__(optimizer, compute_factor)


def read_key_metric(evaluator: Any) -> float:
    """Key metric of a MONAI evaluator that has just completed: what `ReduceLROnPlateau` steps on."""
    return evaluator.state.metrics[evaluator.state.key_metric_name]
