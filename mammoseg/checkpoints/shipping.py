"""Make the weights that come with a bundle out of a checkpoint: half as large, with threshold and calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mammoseg.bundles import locate_bundle
from mammoseg.checkpoints.average_weights import average_weights
from mammoseg.checkpoints.checkpoint import Weights, build_trained_network, read_weights
from mammoseg.checkpoints.record import check_architecture
from mammoseg.checkpoints.recorded_values import CHOSEN
from mammoseg.checkpoints.safetensors_file import to_safetensors
from mammoseg.checkpoints.weights_file import SHIPPED, WeightsError
from mammoseg.files import atomic_path, write_json

MOST_SHIPPED_BYTES = 2**24
"""Largest file that comes with the repository."""


def ship(
    checkpoint: Path | str,
    *,
    bundle: str,
    mean_with: Sequence[Path | str] = (),
    folder: Path | str | None = None,
    said: Mapping[str, str] | None = None,
    **chosen: Any,
) -> Path:
    """Write ``shipped.safetensors`` and, for people, ``shipped.json``, which says the same without the numbers.

    The same checkpoint gives the same bytes.

    Args:
        checkpoint: file of a training run, or what `mammoseg calibrate` wrote.
        bundle: name of the bundle of its architecture.
        mean_with: further checkpoints, of which and the first the mean ships, see `average_weights`.
        folder: folder to write to; ``models`` of the bundle when None.
        said: what a person adds to the provenance, such as ``data`` and ``origin``.
        chosen: `CHOSEN` by name, instead of what the checkpoint records; a threshold must be in one of both.
    Returns:
        The file with the weights.
    Raises:
        WeightsError: the checkpoint cannot be used, half precision cannot hold it, what is written would not be read
            again, or it is too large to come with a repository.
    """
    source = average_weights([checkpoint, *mean_with])
    check_architecture(source, bundle)
    provenance = {"checkpoint_sha256": source.sha256} | source.provenance | dict(said or {})
    weights = replace(source, **chosen, provenance=provenance)
    if weights.threshold is None:
        raise WeightsError(f"{checkpoint} records no threshold; give the one that was chosen on validation.")
    path = (Path(locate_bundle(bundle)) / "models" if folder is None else Path(folder)) / SHIPPED
    content = to_bytes(weights)
    if len(content) > MOST_SHIPPED_BYTES:
        raise WeightsError(
            f"{path} would have {len(content):,} bytes, at most {MOST_SHIPPED_BYTES:,} ship; train a smaller network."
        )
    write_described(content, path)
    return path


def to_bytes(weights: Weights) -> bytes:
    """Content of a safetensors file with these weights and all that they record.

    Raises:
        WeightsError: half precision cannot hold them.
    """
    parts = {name: getattr(weights, name) for name in ("network", "preprocessing", "provenance", *CHOSEN)}
    try:
        return to_safetensors(weights.model, parts)
    except ValueError as error:
        raise WeightsError(f"{weights.path} cannot ship: {error}.") from error


def write_described(content: bytes, path: Path) -> None:
    """Write a safetensors file, once it has been read again, and the JSON of `describe_shipped` beside it.

    Raises:
        WeightsError: what would be written cannot be read; nothing is written then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        build_trained_network(read_weights(temporary))
    write_json(path.with_suffix(".json"), describe_shipped(path))


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
        **{name: getattr(weights, name) for name in CHOSEN},
        "provenance": weights.provenance,
    }
