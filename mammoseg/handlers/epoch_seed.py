"""Randomness that depends on seed and epoch alone, so that a resumed run continues the very same way."""

from typing import Any

import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.utils import set_determinism

from mammoseg.transforms.cached_dataset import CachedDataset


class EpochSeed:
    """Seeds all random generators and the data set when an epoch starts, before its batches are drawn.

    Args:
        seed: seed of the run; ranks of a distributed run get different generators for dropout and the like.
        dataset: the training set.
    """

    def __init__(self, seed: int, dataset: CachedDataset) -> None:
        self.seed = seed
        self.dataset = dataset

    def attach(self, engine: Engine) -> None:
        """Run at the start of every epoch of the trainer `engine`."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Any) -> None:
        """Seed for the epoch that begins."""
        rank, ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        set_determinism(seed=(self.seed * 100_003 + engine.state.epoch) * ranks + rank)
        self.dataset.set_epoch(engine.state.epoch)
