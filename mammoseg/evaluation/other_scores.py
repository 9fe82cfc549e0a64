"""A folder with the scores of other weights, or with the training log of another run, is not written over."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mammoseg.csv_table import read_csv
from mammoseg.errors import WrongCallError, say_difference
from mammoseg.evaluation.plots import find_training_log
from mammoseg.evaluation.tables import read_provenance


def refuse_other_scores(folder: Path, scored: Mapping[str, Any]) -> None:
    """Refuse a folder that is of other weights than those that are about to be scored.

    Scores of earlier weights of one run may be replaced: the training log of that run lies with them.

    Args:
        folder: folder of the tables.
        scored: provenance of what will be written, with ``weights_sha256``, and of weights that a training wrote
            with ``validation``, the epoch and what it scored.
    Raises:
        WrongCallError: it is of other weights.
    """
    is_own = is_log_of(folder, scored.get("validation"))
    if is_own is False:
        raise WrongCallError(
            f"{find_training_log(folder)} is the training log of another run than the weights are of; name another "
            "--output_dir."
        )
    if not is_own:
        refuse_other_weights(folder, scored.get("weights_sha256"), option="--output_dir")


def refuse_other_weights(folder: Path, weights_sha256: str | None, *, option: str) -> None:
    """Refuse a folder whose ``summary.json`` is of other weights.

    Args:
        folder: folder of the tables.
        weights_sha256: hash of the weights whose scores would replace them.
        option: how the command calls the folder.
    Raises:
        WrongCallError: it is of other weights.
    """
    there = read_provenance(folder).get("weights_sha256")
    if weights_sha256 and there not in (None, weights_sha256):
        raise WrongCallError(
            f"{folder} has the scores of other weights ({say_difference('SHA-256', there, weights_sha256)}); name "
            f"another {option}, or remove its summary.json to have them replaced."
        )


def is_log_of(evaluation: Path, validation: Any) -> bool | None:
    """Whether the training log of an evaluation has the epoch that weights say they are of; None where one is silent.

    Args:
        evaluation: folder of the evaluation.
        validation: epoch of the weights and its score, by name, as `mammoseg.handlers.checkpoints` records them.
    """
    log = find_training_log(evaluation)
    if log is None or not isinstance(validation, dict) or "epoch" not in validation:
        return None
    _, lines = read_csv(log)  # whatever the training was judged by, dice or something else
    try:
        return any(
            all(name in line and float(line[name] or "nan") == value for name, value in validation.items())
            for line in lines
        )
    except ValueError:
        return None
