"""Which file holds the weights; needs no torch, whose import takes seconds that a wrong call need not wait."""

from pathlib import Path

from mammoseg.bundles import PACKAGE_FOLDER, bundle_root, exported_name, run_root
from mammoseg.errors import MammosegError

TRAINED, SHIPPED = "model.pt", "shipped.safetensors"
"""Files in the folder ``models`` of a bundle: what `train` writes, and what comes with the repository."""

SHIPPED_BUNDLE = "efficientnet_unet"
"""The bundle that comes with weights."""


class WeightsError(MammosegError):
    """Weights that are absent, unsafe, damaged, or do not belong to the network or the preprocessing at hand."""


def existing_weights(path: Path | str) -> Path:
    """`path`, where a file is.

    Raises:
        WeightsError: there is none.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"there are no weights at {path}; train the bundle first or name another file.")
    return path


def default_bundle() -> str:
    """The bundle when none is named: in an exported bundle its own, else the one that comes with weights."""
    return exported_name(PACKAGE_FOLDER.parent) or SHIPPED_BUNDLE


def best_weights(folder: Path | str, *, shipped: Path | str | None = None) -> Path:
    """What a bundle was trained to, else what it came with; the first where there are none.

    Args:
        folder: where `train` writes weights.
        shipped: folder ``models`` of the bundle; None where that is the same.

    Examples:
        >>> from mammoseg.checkpoints.weights_file import best_weights
        >>> best_weights("nowhere").name
        'model.pt'
    """
    trained, box = Path(folder) / TRAINED, Path(shipped or folder) / SHIPPED
    return box if box.is_file() and not trained.is_file() else trained


def default_weights(bundle: str) -> Path:
    """Weights to use when none are named; see `best_weights`.

    Raises:
        WeightsError: there are none.
        WrongCallError: there is no such bundle.
    """
    path = best_weights(Path(run_root(bundle)) / "models", shipped=Path(bundle_root(bundle)) / "models")
    if not path.is_file():
        raise WeightsError(
            f"bundle '{bundle}' has no weights yet; train it, name a checkpoint with --weights, or another bundle."
        )
    return path
