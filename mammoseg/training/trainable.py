"""A training that has something to do."""

from pathlib import Path
from typing import Any

from monai.engines import Trainer

from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.counts import format_count
from mammoseg.errors import WrongCallError
from mammoseg.networks import MeanOfNetworks

MEAN = "is a mean of several networks, which is not trained; train each by itself"
"""Of a network or its weights, why no training begins with it."""


def check_start(weights: Path | str) -> None:
    """Refuse weights with which no training begins.

    Raises:
        WeightsError: they cannot be used.
        WrongCallError: their network is a mean of several.
    """
    if read_weights(weights).network["architecture"] == MeanOfNetworks.__name__:
        raise WrongCallError(f"{weights} {MEAN}, with --start_from the weights of one.")


def check_trainable(trainer: Trainer) -> None:
    """Refuse a training that would end at once and leave no weights, or of what is not trained.

    Raises:
        WrongCallError: there are fewer images than a batch takes, as the last, incomplete batch is left out; or the
            network is a mean of several.
    """
    network: Any = getattr(trainer, "network", None)  # MONAI says it of its own trainers alone
    if isinstance(getattr(network, "module", network), MeanOfNetworks):
        raise WrongCallError(f"the network of this bundle {MEAN}.")
    loader: Any = trainer.data_loader  # MONAI lets it be any iterable
    if len(loader) == 0:
        images = format_count(len(loader.dataset), "image")
        raise WrongCallError(
            f"a batch of {loader.batch_size} takes more than the {images} of training; lower --batch_size."
        )
