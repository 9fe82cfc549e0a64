"""Weights with another threshold and calibration, written as new ones."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mammoseg.checkpoints.checkpoint import Weights, read_weights
from mammoseg.checkpoints.ensemble_file import EnsembleRecord, write_ensemble
from mammoseg.checkpoints.shipping import to_bytes, write_described
from mammoseg.checkpoints.weights_file import ENSEMBLE
from mammoseg.files import hash_file

WEIGHTS_FILE = "calibrated.safetensors"
"""File in the output folder; of several weights each is copied instead, beside an ``ensemble.json``."""


def write_calibrated(folder: Path, files: Sequence[Path], settings: dict[str, Any], about: dict[str, Any]) -> Path:
    """Write the weights of one file, or copies of several with a record of their mean.

    Args:
        folder: folder that exists.
        settings: threshold, calibration, flips and smallest mass of the new weights.
        about: data and counts that they were chosen by, for their provenance.
    Returns:
        What `--weights` takes.
    Raises:
        WeightsError: a file cannot be used.
    """
    if len(files) == 1:
        parent = read_weights(files[0])
        provenance = {**parent.provenance, "calibrated": {**about, "parent": parent.sha256}}
        calibrated: Weights = replace(parent, **settings, provenance=provenance)
        write_described(to_bytes(calibrated), folder / WEIGHTS_FILE)
        return folder / WEIGHTS_FILE
    members = {}
    for number, file in enumerate(files, start=1):
        copy = folder / f"{number}-{file.name}"
        shutil.copyfile(file, copy)
        members[copy.name] = hash_file(copy)
    write_ensemble(folder / ENSEMBLE, EnsembleRecord(members, **settings, provenance={"calibrated": about}))
    return folder


def list_origins(files: Sequence[Path]) -> list[dict[str, Any]]:
    """What each file of weights was trained on.

    Raises:
        WeightsError: one cannot be used.
    """
    return [read_weights(file).origin for file in files]
