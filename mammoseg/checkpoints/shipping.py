"""Make the weights that come with a bundle out of a checkpoint: half as large, with threshold and calibration."""

from pathlib import Path
from typing import Any

from mammoseg.bundles import bundle_root
from mammoseg.checkpoints.checkpoint import Weights, read_weights, trained_network
from mammoseg.checkpoints.record import check_architecture
from mammoseg.checkpoints.safetensors_file import to_safetensors
from mammoseg.checkpoints.weights_file import SHIPPED, WeightsError
from mammoseg.files import atomic_path, write_json

MOST_SHIPPED_BYTES = 2**24
"""Largest file that comes with the repository."""


def ship(
    checkpoint: Path | str,
    *,
    bundle: str,
    threshold: float,
    temperature: float | None = None,
    flips: bool = False,
    folder: Path | str | None = None,
) -> Path:
    """Write ``shipped.safetensors`` and, for people, ``shipped.json``, which says the same without the numbers.

    The same checkpoint gives the same bytes.

    Args:
        checkpoint: file of a training run.
        bundle: name of the bundle of its architecture.
        threshold: probability from which a pixel is mass, chosen on validation; above 0 and below 1.
        temperature: the calibration's temperature, where one was fitted.
        flips: whether both were found with flips at test.
        folder: to write to; ``models`` of the bundle when None.
    Returns:
        The file with the weights.
    Raises:
        WeightsError: the checkpoint cannot be used, half precision cannot hold it, what is written would not be read
            again, or it is too large to come with a repository.
    """
    weights = read_weights(checkpoint)
    check_architecture(weights, bundle)
    path = (Path(bundle_root(bundle)) / "models" if folder is None else Path(folder)) / SHIPPED
    content = _content(weights, threshold=float(threshold), temperature=temperature, flips=flips)
    if len(content) > MOST_SHIPPED_BYTES:
        raise WeightsError(
            f"{path} would have {len(content):,} bytes, at most {MOST_SHIPPED_BYTES:,} ship; train a smaller network."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        trained_network(read_weights(temporary))
    write_json(path.with_suffix(".json"), describe_shipped(path))
    return path


def describe_shipped(path: Path | str) -> dict[str, Any]:
    """What is recorded in shipped weights, as JSON values: name, size and hash of the file, and all but its tensors."""
    weights = read_weights(path)
    return {
        "file": weights.path.name,
        "bytes": weights.path.stat().st_size,
        "sha256": weights.sha256,
        "values": sum(tensor.numel() for tensor in weights.model.values()),
        "network": weights.network,
        "preprocessing": weights.preprocessing,
        "threshold": weights.threshold,
        "calibration": weights.calibration,
        "flips": weights.flips,
        "provenance": weights.provenance,
    }


def _content(weights: Weights, *, threshold: float, temperature: float | None, flips: bool) -> bytes:
    parts = {
        "network": weights.network,
        "preprocessing": weights.preprocessing,
        "threshold": threshold,
        "calibration": None if temperature is None else {"temperature": float(temperature)},
        "flips": flips,
        "provenance": {**weights.provenance, "checkpoint_sha256": weights.sha256},
    }
    try:
        return to_safetensors(weights.model, parts)
    except ValueError as error:
        raise WeightsError(f"{weights.path} cannot ship: {error}.") from error
