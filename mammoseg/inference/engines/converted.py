"""Weights as engines without torch read them: an ONNX file made once, kept by the hash of the weights."""

import os
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mammoseg import __version__
from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.checkpoints.weights_file import existing_weights
from mammoseg.files import output_errors, read_json, sha256_of_file, sha256_of_json, sole_writer, write_json
from mammoseg.inference.engines.engine import FileEngine
from mammoseg.quick_import import quick_imports

FORMAT = 2
"""To be raised when other bytes are written for the same weights."""


def cache_folder() -> Path:
    """Folder of converted weights: in ``MAMMOSEG_CACHE``, else in the user's cache; deleting it costs a conversion."""
    own = os.environ.get("MAMMOSEG_CACHE")
    return Path(own or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mammoseg") / "converted"


def converted(weights: Path | str, engine: type[FileEngine]) -> tuple[WeightsRecord, Path]:
    """What weights record beside their tensors, and their network as an ONNX file, made by torch where there is none.

    A file is whole or not there; of several processes that want it one makes it and the others wait. Only what was
    found to give the logits of PyTorch in this engine is kept.

    Args:
        weights: checkpoint, or weights that ship.
        engine: the class of the engine that will read the file.

    Raises:
        WeightsError: the weights cannot be used.
        EngineError: the network cannot be converted, or the engine computes something else than PyTorch.
        OutputError: the folder cannot be written to.
    """
    path, folder = existing_weights(weights), cache_folder()
    sha256 = sha256_of_file(path)
    made_of = {
        "weights": sha256,
        "format": FORMAT,
        "engine": engine.name,
        "torch": version("torch"),
        "mammoseg": __version__,
    }
    key = sha256_of_json(made_of)[:40]
    model, described = folder / f"{key}.onnx", folder / f"{key}.json"
    record = _kept(described, model)
    if record is None:
        with output_errors(folder), sole_writer(folder, folder / f"{key}.lock", waits=True):
            record = _kept(described, model)
            if record is None:
                with quick_imports():
                    from mammoseg.inference.engines.conversion import convert
                record = {**asdict(convert(path, model, engine)), "path": None}
                write_json(described, {"record": record, "model_sha256": sha256_of_file(model)})
    return WeightsRecord(**{**record, "path": path}), model


def _kept(described: Path, model: Path) -> dict[str, Any] | None:
    """The record beside a converted network; None where there is none, or a file is not what was written."""
    try:
        kept = read_json(described)
        WeightsRecord(**kept["record"])
        return kept["record"] if kept["model_sha256"] == sha256_of_file(model) else None
    except Exception:  # absent, damaged, or of another version: it is made again
        return None
