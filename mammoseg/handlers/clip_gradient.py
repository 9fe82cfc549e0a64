"""Gradients that are cut to a norm before the optimizer sees them."""

from typing import Any

from ignite.engine import Engine
from monai.engines import IterationEvents
from torch.nn import Module
from torch.nn.utils import clip_grad_norm_


class ClipGradient:
    """Scales all gradients of a network down together where their norm exceeds a bound.

    Args:
        network: network with the gradients to cut.
        max_norm: largest Euclidean norm of all gradients together.
    """

    def __init__(self, network: Module, *, max_norm: float) -> None:
        self.network = network
        self.max_norm = max_norm

    def attach(self, engine: Engine) -> None:
        """Cut after each backward pass of the trainer `engine`."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, trainer: Any) -> None:
        """Cut now; gradients that a scaler of mixed precision has enlarged are brought back first."""
        if trainer.scaler:
            trainer.scaler.unscale_(trainer.optimizer)
        clip_grad_norm_(self.network.parameters(), self.max_norm)
