"""INT8 networks, which `mammoseg quantise` makes and keeps by the hash of their weights, beside converted ones."""

from pathlib import Path

from mammoseg.checkpoints.converted_file import ENDING, INT8, ConvertedFile, read_converted_file
from mammoseg.checkpoints.weights_file import WeightsError, require_weights
from mammoseg.errors import WrongCallError
from mammoseg.files import hash_file
from mammoseg.inference.engines.converted import locate_cache


def locate_int8(sha256: str) -> Path:
    """Where the INT8 network of the weights with this hash is kept."""
    return locate_cache() / f"{sha256[:40]}.{INT8}{ENDING}"


def find_int8(weights: Path) -> ConvertedFile:
    """The INT8 network of weights: itself, or the one that is kept.

    Args:
        weights: checkpoint, weights that ship, or an ONNX file with its record.

    Raises:
        WeightsError: there are no weights, or they cannot be used.
        WrongCallError: none was made of them.
    """
    path = require_weights(weights)
    named = read_converted_file(path) if path.suffix == ENDING else None
    if named and named.precision == INT8:
        return named
    sha256 = named.record.sha256 if named else hash_file(path)
    try:
        kept = read_converted_file(locate_int8(sha256))
        if (kept.record.sha256, kept.precision) == (sha256, INT8):
            return kept
    except WeightsError:  # absent, damaged, or of another version
        pass
    raise WrongCallError(
        f"precision is '{INT8}', and {path} has no INT8 network; make it with images that the weights were trained on: "
        f"mammoseg quantise BUNDLE --weights {path} --dataset_dir DIR."
    )
