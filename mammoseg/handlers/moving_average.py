"""A moving average of a network's weights, which scores better than the weights of any single step."""

from collections.abc import Sequence
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import Tensor
from torch.nn import Module
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel


class MovingAverage:
    """Keeps ``average = decay * average + (1 - decay) * weights`` after each step, normalisation statistics included.

    The decay of step n is at most ``n / (n + 9)``, so the random first weights are soon forgotten. The number of steps
    is part of the state: a resumed run goes on exactly. (Ignite's `EMAHandler` keeps its warm-up outside of the state.)

    Args:
        network: network that is trained; a `DistributedDataParallel` one is unwrapped.
        decay: share of the average that a step keeps.
    Attributes:
        network: the one with the averaged weights, for validation and for the checkpoint.
    """

    def __init__(self, network: Module, *, decay: float) -> None:
        self.trained = network.module if isinstance(network, DistributedDataParallel) else network
        self.decay = decay
        self.averaged = AveragedModel(self.trained, multi_avg_fn=self._average, use_buffers=True)
        self.network: Any = self.averaged.module

    def attach(self, engine: Engine) -> None:
        """Average after each step of the trainer `engine`."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, _: Any) -> None:
        """Take the weights of now into the average."""
        self.averaged.update_parameters(self.trained)

    def state_dict(self) -> dict[str, Any]:
        """Averaged weights and the number of steps."""
        return self.averaged.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the state on."""
        self.averaged.load_state_dict(state)

    @torch.no_grad()
    def _average(self, averages: Sequence[Tensor], values: Sequence[Tensor], steps: Tensor | int) -> None:
        number = int(steps) + 1
        kept = min(self.decay, number / (number + 9))
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, 1 - kept)
            else:
                average.copy_(value)
