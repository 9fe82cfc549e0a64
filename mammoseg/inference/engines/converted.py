"""Weights as engines without torch read them: an ONNX file beside the weights, or made once and kept by their hash."""

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mammoseg import __version__
from mammoseg.checkpoints.converted_file import (
    ENDING,
    FORMAT,
    LOGITS,
    ConvertedFile,
    find_kept_network,
    read_converted_file,
    write_record,
)
from mammoseg.checkpoints.weights_file import require_weights
from mammoseg.files import hash_file, hash_json, output_errors, sole_writer
from mammoseg.inference.engines.engine import EngineError, FileEngine, is_installed
from mammoseg.quick_import import quick_imports


def locate_cache() -> Path:
    """Folder of converted weights: in ``MAMMOSEG_CACHE``, else in the user's cache; deleting it costs a conversion."""
    own = os.environ.get("MAMMOSEG_CACHE")
    return Path(own or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mammoseg") / "converted"


def prepare_converted(weights: Path | str, engine: type[FileEngine]) -> ConvertedFile:
    """The network of weights as an ONNX file: itself, the one beside them, one that is kept, or made by torch now.

    A file is whole or not there; of several processes that want it one makes it and the others wait. Only what was
    found to give the logits of PyTorch in this engine is kept.

    Args:
        weights: checkpoint, weights that ship, or an ONNX file with its record.
        engine: the class of the engine that will read the file.

    Raises:
        WeightsError: the weights cannot be used.
        EngineError: the network cannot be converted here, or the engine computes something else than PyTorch.
        OutputError: the folder cannot be written to.
    """
    path = require_weights(weights)
    if path.suffix == ENDING:
        return read_converted_file(path)
    sha256 = hash_file(path)
    if found := find_kept_network(path.with_suffix(ENDING), sha256):
        return replace(found, record=replace(found.record, path=path))
    if not (is_installed("torch") and find_spec("mammoseg.inference.engines.conversion")):
        raise EngineError(
            f"{path} is no converted network, and this installation cannot convert it; run "
            f"`mammoseg export BUNDLE --weights {path} --formats onnx --output DIR` on a full one, and name its "
            "models/probability.onnx."
        )
    folder = locate_cache()
    model = folder / f"{_name_kept(sha256, engine)}{ENDING}"
    found = find_kept_network(model, sha256)
    if found is None:
        with output_errors(folder), sole_writer(folder, model.with_suffix(".lock"), waits=True):
            found = find_kept_network(model, sha256)
            if found is None:
                with quick_imports():
                    from mammoseg.inference.engines.conversion import convert
                write_record(model, convert(path, model, engine), output=LOGITS)
                found = read_converted_file(model)
    return replace(found, record=replace(found.record, path=path))


def _name_kept(sha256: str, engine: type[FileEngine]) -> str:
    """Name of what is kept for weights, which changes with all that it is made by."""
    made_of: Mapping[str, Any] = {
        "weights": sha256,
        "format": FORMAT,
        "engine": engine.name,
        "torch": version("torch"),
        "mammoseg": __version__,
    }
    return hash_json(made_of)[:40]
