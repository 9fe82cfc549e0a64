"""Bundles as models of the app: which there are, and which weights each starts from."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mammoseg.bundles import list_bundle_names, locate_bundle, locate_runs, read_exported_name, say_why_no_masses
from mammoseg.checkpoints.weights_file import TRAINED, choose_best_weights, list_named_weights
from mammoseg.deploy.manifest import check_manifest
from mammoseg.errors import MammosegError, WrongCallError

logger = logging.getLogger(__name__)


class ModelNotReadyError(MammosegError):
    """A model is asked for that has no weights yet, or weights that cannot be used."""


@dataclass(frozen=True)
class ModelEntry:
    """A bundle, and what it starts from.

    Attributes:
        bundle: its name, which is that of the model too.
        weights: checkpoint, or a folder of several, of which the mean is served; None where there is none yet.
        description: one sentence of the bundle's metadata.
        version: the bundle's version.
    """

    bundle: str
    weights: Path | None
    description: str
    version: str


def discover(conf: Mapping[str, str]) -> dict[str, ModelEntry]:
    """All bundles that segment masses, in the order of their names.

    Args:
        conf: settings of ``--conf``: ``models`` (names with commas) leaves the others out; ``bundles`` names folders of
            exported bundles, whose weights are taken instead of the repository's; ``weights`` is ``name=file``, or
            ``name=folder`` for the mean of several, several with commas, and goes before both.
    Raises:
        WrongCallError: an unknown or unfit name, weights of a model left out, a file or folder that is not there.
        MammosegError: an exported bundle was changed, or a folder of weights has none.
    """
    chosen = _split_words(conf.get("models", ""))
    reasons = {name: f"its network {reason}" for name in list_bundle_names() if (reason := say_why_no_masses(name))}
    known = [name for name in list_bundle_names() if name not in reasons]
    given = _find_exported_weights(conf) | _find_named_weights(conf)
    for name in dict.fromkeys([*chosen, *given]):
        if name not in known:
            reason = reasons.get(name, f"known: {', '.join(known)}")
            raise WrongCallError(f"'{name}' cannot be a model; {reason}.")
        if chosen and name not in chosen:
            raise WrongCallError(f"weights are given for '{name}', which models leaves out; add it to models.")
    for name, reason in reasons.items():
        logger.info("Bundle %s finds no masses by itself: %s.", name, reason)
    return {name: _read_entry(name, given.get(name) or _choose_own_weights(name)) for name in chosen or known}


def _read_entry(name: str, weights: Path | None) -> ModelEntry:
    metadata = json.loads((Path(locate_bundle(name)) / "configs" / "metadata.json").read_text(encoding="utf-8"))
    return ModelEntry(name, weights, metadata["name"], metadata["version"])


def _find_exported_weights(conf: Mapping[str, str]) -> dict[str, Path]:
    """Weights of exported bundles by name. Nothing else of an export is used: its code is a copy of this package."""
    found: dict[str, Path] = {}
    for text in _split_words(conf.get("bundles", "")):
        folder = Path(text).expanduser()
        try:
            name = read_exported_name(folder)
            if name is not None:
                check_manifest(folder)
        except OSError as error:
            raise WrongCallError(f"{folder} is no exported bundle that can be read; unpack it again.") from error
        if name is None:
            raise WrongCallError(f"{folder} is no exported bundle; write one with `mammoseg export`.")
        if name in found:
            raise WrongCallError(f"two exported bundles are named '{name}'; give one of them.")
        found[name] = folder / "models" / TRAINED
    return found


def _find_named_weights(conf: Mapping[str, str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for word in _split_words(conf.get("weights", "")):
        name, _, file = word.partition("=")
        path = Path(file).expanduser()
        if not file or not path.exists():
            raise WrongCallError(f"weights '{word}' is not name=file or name=folder with one that is there.")
        list_named_weights(path)
        found[name] = path
    return found


def _choose_own_weights(name: str) -> Path | None:
    """What the bundle was trained to, else what it came with."""
    own = choose_best_weights(Path(locate_runs(name)) / "models", shipped=Path(locate_bundle(name)) / "models")
    return own if own.is_file() else None


def _split_words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
