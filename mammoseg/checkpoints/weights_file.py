"""Which file holds the weights; needs no torch, whose import takes seconds that a wrong call need not wait."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mammoseg.bundles import PACKAGE_FOLDER, locate_bundle, locate_runs, read_exported_name
from mammoseg.errors import MammosegError, format_short_hash
from mammoseg.files import as_printable, read_json
from mammoseg.folders import is_file, is_folder

TRAINED, SHIPPED = "model.pt", "shipped.safetensors"
"""Files in the folder ``models`` of a bundle: what `train` writes, and what comes with the repository."""

TO_GO_ON = "checkpoint.pt"
"""File in the same folder with which an interrupted training goes on; never meant where a folder is named."""

ENSEMBLE = "ensemble.json"
"""File in a folder of weights that says which of them count, and what was chosen for their mean."""

ENDINGS = (".pt", ".safetensors")
"""Of the files that count in a folder of weights."""

Named = Path | str | Sequence[Path | str]
"""Weights as a person names them: a file, a folder of several, or some of both."""

SHIPPED_BUNDLE = "efficientnet_unet"
"""The bundle that comes with weights."""


class WeightsError(MammosegError):
    """Weights that are absent, unsafe, damaged, or do not belong to the network or the preprocessing at hand."""


def require_weights(path: Path | str) -> Path:
    """`path`, where a file is.

    Raises:
        WeightsError: there is none.
    """
    path = Path(path)
    if is_folder(path):
        raise WeightsError(f"{path} is a folder; name one file of weights.")
    if not is_file(path):
        raise WeightsError(f"there are no weights at {path}; train the bundle first or name another file.")
    return path


def list_named_weights(named: Named) -> list[Path]:
    """The files of weights that are named; several stand for the mean of their probabilities.

    A folder stands for those of its ``ensemble.json``, else for its files that end in ``.pt`` or ``.safetensors``.

    Raises:
        WeightsError: one is not there, a folder has none, or one comes twice.
    """
    files = [file for one in ([named] if isinstance(named, Path | str) else named) for file in _list_files(Path(one))]
    twice = [
        file for number, file in enumerate(files) if file.resolve() in [other.resolve() for other in files[:number]]
    ]
    if twice:
        raise WeightsError(f"the weights at {twice[0]} are named twice; a mean takes each once.")
    return files


def name_apart(files: Sequence[tuple[str, str]]) -> list[str]:
    """Names of several weights; where one is there twice, with the beginning of the SHA-256.

    Args:
        files: name and SHA-256 of each.

    Examples:
        >>> from mammoseg.checkpoints.weights_file import name_apart
        >>> name_apart([("model.pt", "0123456789abcdef"), ("model.pt", "fedcba9876543210"), ("a.pt", "00")])
        ['model.pt 0123456789ab', 'model.pt fedcba987654', 'a.pt']
    """
    often = Counter(name for name, _ in files)
    return [f"{name} {format_short_hash(sha256)}" if often[name] > 1 else name for name, sha256 in files]


def find_described_ensemble(named: Named) -> Path | None:
    """The ``ensemble.json`` of what is named; None where that is more than one folder, or has none."""
    (one, *more) = [named] if isinstance(named, Path | str) else named
    return None if more or not is_file(Path(one) / ENSEMBLE) else Path(one) / ENSEMBLE


def read_members(path: Path) -> dict[str, Any]:
    """SHA-256 of each member of an ``ensemble.json`` by the name of its file; the hashes were not looked at.

    Raises:
        WeightsError: it cannot be read, or names files of other folders.
    """
    try:
        members = read_json(path)["members"]
        if not members or any(Path(name).name != name for name in members):
            raise ValueError("no files of this folder")
        return dict(members)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} does not say which files of its folder it is about; write it again.") from error


def choose_default_bundle() -> str:
    """The bundle when none is named: in an exported bundle its own, else the one that comes with weights."""
    return read_exported_name(PACKAGE_FOLDER.parent) or SHIPPED_BUNDLE


def choose_best_weights(folder: Path | str, *, shipped: Path | str | None = None) -> Path:
    """What a bundle was trained to, else what it came with; the first where there are none.

    Args:
        folder: folder in which `train` writes weights.
        shipped: folder ``models`` of the bundle; None where that is the same.

    Examples:
        >>> from mammoseg.checkpoints.weights_file import choose_best_weights
        >>> choose_best_weights("nowhere").name
        'model.pt'
    """
    trained, box = Path(folder) / TRAINED, Path(shipped or folder) / SHIPPED
    return box if box.is_file() and not trained.is_file() else trained


def choose_default_weights(bundle: str) -> Path:
    """Weights to use when none are named; see `choose_best_weights`.

    Raises:
        WeightsError: there are none.
        WrongCallError: there is no such bundle.
    """
    path = choose_best_weights(Path(locate_runs(bundle)) / "models", shipped=Path(locate_bundle(bundle)) / "models")
    if not path.is_file():
        raise WeightsError(
            f"bundle '{bundle}' has no weights yet; train it, name a checkpoint with --weights, or another bundle."
        )
    return path


def _list_files(path: Path) -> list[Path]:
    if not is_folder(path):
        return [require_weights(path)]
    if is_file(path / ENSEMBLE):
        return [require_weights(path / name) for name in read_members(path / ENSEMBLE)]
    files = [file for file in sorted(path.iterdir()) if file.suffix in ENDINGS and not file.name.startswith(".")]
    if found := [file for file in files if file.name != TO_GO_ON]:
        return [require_weights(file) for file in found]
    raise WeightsError(f"there are no weights in the folder {as_printable(path)}; they end in {' or '.join(ENDINGS)}.")
