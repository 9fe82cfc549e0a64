"""The mean of the weights of several checkpoints, as one network ("model soup", Wortsman et al. 2022)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mammoseg.checkpoints.checkpoint import Weights, read_weights
from mammoseg.checkpoints.weights_file import WeightsError


def average_weights(files: Sequence[Path | str]) -> Weights:
    """Read checkpoints and average what they learned, normalisation statistics included; each counts the same.

    It makes sense of runs that began with the same weights, such as a run and what it was started from: those of
    others lie too far apart, and their mean is no network that works.

    Args:
        files: checkpoints of one network with one preprocessing; the records of the mean are those of the first.
    Raises:
        WeightsError: one cannot be used, or differs from the first in network or preprocessing.
    """
    first, *others = [read_weights(file) for file in files]
    for other in others:
        for what in ("network", "preprocessing"):
            if getattr(other, what) != getattr(first, what):
                raise WeightsError(f"{other.path} has another {what} than {first.path}; only equal ones have a mean.")
    if not others:
        return first
    mean = {
        key: torch.stack([value.float(), *(other.model[key].float() for other in others)]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for key, value in first.model.items()
    }
    return replace(first, model=mean, provenance=first.provenance | {"mean_with": [other.sha256 for other in others]})
