"""A training that has something to do."""

from typing import Any

from monai.engines import Trainer

from mammoseg.counts import format_count
from mammoseg.errors import WrongCallError


def check_trainable(trainer: Trainer) -> None:
    """Refuse a training that would end at once and leave no weights.

    Raises:
        WrongCallError: there are fewer images than a batch takes, as the last, incomplete batch is left out.
    """
    loader: Any = trainer.data_loader  # MONAI lets it be any iterable
    if len(loader) == 0:
        images = format_count(len(loader.dataset), "image")
        raise WrongCallError(
            f"a batch of {loader.batch_size} takes more than the {images} of training; lower --batch_size."
        )
