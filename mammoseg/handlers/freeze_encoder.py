"""A pretrained encoder that stays as it is while the decoder learns its first epochs."""

import logging
from typing import Any

from ignite.engine import Engine, Events
from monai.engines import IterationEvents
from torch.nn import Module
from torch.nn.parallel import DistributedDataParallel

from mammoseg.counts import format_count

logger = logging.getLogger(__name__)


class FreezeEncoder:
    """Keeps weights and running statistics of ``network.encoder`` for the first epochs.

    Whether an epoch is frozen follows from its number alone, so a resumed run goes on rightly. Gradients are computed
    and dropped before the optimizer sees them: `DistributedDataParallel` waits for the gradient of every parameter
    that had one when it was built.

    Args:
        network: network whose ``encoder`` is kept; a `DistributedDataParallel` network is unwrapped.
        epochs: how many, from the first on.
        is_trained: whether the encoder starts from weights; one of random numbers is not kept, which is said.
    Raises:
        ValueError: when the network has no ``encoder``.
    """

    def __init__(self, network: Module, *, epochs: int, is_trained: bool = True) -> None:
        whole = network.module if isinstance(network, DistributedDataParallel) else network
        encoder = getattr(whole, "encoder", None)
        if not isinstance(encoder, Module):
            raise ValueError(f"{type(whole).__name__} has no encoder to freeze; set frozen_encoder_epochs to 0.")
        self.encoder = encoder
        if not is_trained:
            logger.warning(
                "the encoder starts from random numbers, so it is not frozen for %s; give --encoder_weights",
                format_count(epochs, "epoch"),
            )
        self.epochs = epochs if is_trained else 0
        self.frozen = False

    def attach(self, engine: Engine) -> None:
        """Watch the trainer `engine`."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._set_frozen)
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self._drop_gradients)
        self.encoder.register_forward_pre_hook(self._keep_statistics)

    def _set_frozen(self, engine: Any) -> None:
        self.frozen = engine.state.epoch <= self.epochs

    def _keep_statistics(self, encoder: Module, _: Any) -> None:
        if self.frozen:  # the trainer has called network.train() just before
            encoder.eval()

    def _drop_gradients(self, _: Engine) -> None:
        if self.frozen:
            for parameter in self.encoder.parameters():
                parameter.grad = None
