"""Tells a loss that changes with the epoch which one it is."""

from typing import Any

from ignite.engine import Engine, Events

from mammoseg.losses.staged import StagedLoss


class LossEpoch:
    """Calls ``loss.set_epoch`` when an epoch starts, also the first one after a resume.

    Args:
        loss: loss function of the trainer.
    """

    def __init__(self, loss: StagedLoss) -> None:
        self.loss = loss

    def attach(self, engine: Engine) -> None:
        """Run at the start of every epoch of the trainer `engine`."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Any) -> None:
        """Tell the epoch that begins."""
        self.loss.set_epoch(engine.state.epoch)
