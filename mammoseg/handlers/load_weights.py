"""Weights for evaluation and inference, loaded when the engine starts and only where they belong."""

import logging
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from torch.nn import Module
from torch.nn.parallel import DistributedDataParallel

from mammoseg.checkpoints.checkpoint import check_preprocessing, load_weights, read_weights
from mammoseg.transforms.pipelines import Preprocessing

logger = logging.getLogger(__name__)


class LoadWeights:
    """Loads a checkpoint into the network when the engine starts.

    MONAI's `CheckpointLoader` neither refuses values that are not finite nor knows which preprocessing the weights were
    trained under; this handler does both.

    Args:
        path: path of the checkpoint.
        network: network that gets the weights.
        preprocessing: preprocessing that the images go through; it must be the one of the training.
    """

    def __init__(self, path: Path | str, network: Module, preprocessing: Preprocessing) -> None:
        self.path = Path(path)
        self.network = network.module if isinstance(network, DistributedDataParallel) else network
        self.preprocessing = preprocessing

    def attach(self, engine: Engine) -> None:
        """Load when `engine` starts."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, _: Any) -> None:
        """Load now."""
        weights = read_weights(self.path)
        check_preprocessing(weights, self.preprocessing.settings)
        load_weights(self.network, weights)
        logger.info(f"Loaded {self.path} (SHA-256 {weights.sha256}).")
