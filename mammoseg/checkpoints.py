"""Weights with the settings they were trained under: read safely, load completely or not at all."""

import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mammoseg.files import atomic_path, sha256_of_file
from mammoseg.weights_file import WeightsError, existing_weights

ONLY_A_GATE = {"modalities"}
"""Preprocessing settings that decide which files may enter, not what becomes of them."""

NETWORKS = "mammoseg.networks."
"""Where every network lies that a checkpoint may name."""

EXPRESSIONS = ("$", "@", "%")
"""First letters of texts that MONAI's configs evaluate; a checkpoint holds values only."""


@dataclass(frozen=True)
class Weights:
    """Content of a checkpoint file.

    Attributes:
        model: state dictionary of the network.
        network: MONAI config of the network (`Network.config`).
        preprocessing: settings of the deterministic preprocessing (`Preprocessing.settings`).
        provenance: see `mammoseg.provenance.collect_provenance`.
        sha256: of the file.
    """

    model: dict[str, torch.Tensor]
    network: dict[str, Any]
    preprocessing: dict[str, Any]
    provenance: dict[str, Any]
    sha256: str
    path: Path


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all.

    Raises:
        WeightsError: when the disk is full or the folder cannot be written; an older file at `path` stays as it was.
    """
    try:
        with atomic_path(path) as temporary:
            torch.save(content, temporary)
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"cannot write {path} ({error}); the file that was there is untouched.") from error


def read_checkpoint(path: Path | str) -> dict[str, Any]:
    """Read a checkpoint as tensors and plain values only; nothing in the file is executed.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    path = existing_weights(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(f"{path} holds more than tensors and plain values, so it is not loaded.") from error
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is damaged or not a checkpoint.") from error
    if not isinstance(content, dict) or not {"model", "network", "preprocessing", "provenance"} <= content.keys():
        raise WeightsError(
            f"{path} is not a checkpoint of mammoseg: model, network, preprocessing or provenance missing."
        )
    _check_values_only(content, path)
    return content


def read_weights(path: Path | str) -> Weights:
    """Read the weights of a checkpoint; see `read_checkpoint` for errors."""
    content = read_checkpoint(path)
    return Weights(
        model=content["model"],
        network=content["network"],
        preprocessing=content["preprocessing"],
        provenance=content["provenance"],
        sha256=sha256_of_file(Path(path)),
        path=Path(path),
    )


def _check_values_only(content: dict[str, Any], path: Path) -> None:
    """Refuse settings that would run as code in a config, and a state dictionary that holds other things than tensors.

    Network and preprocessing become part of a MONAI config, where a text may be an expression and ``_target_`` a call.
    """
    settings = [content["network"], content["preprocessing"]]
    if not all(isinstance(part, dict) for part in [content["model"], content["provenance"], *settings]):
        raise WeightsError(f"{path} is not a checkpoint of mammoseg: its parts are no dictionaries.")
    if not all(isinstance(value, torch.Tensor) for value in content["model"].values()):
        raise WeightsError(f"{path} is not a checkpoint of mammoseg: its model holds more than tensors.")
    target = content["network"].get("_target_", NETWORKS)
    arguments = {name: value for name, value in content["network"].items() if name != "_target_"}
    is_own = isinstance(target, str) and target.startswith(NETWORKS)
    if not is_own or not all(map(_is_value, [arguments, content["preprocessing"]])):
        raise WeightsError(f"{path} has settings that are more than values, so it is not loaded.")


def _is_value(setting: Any) -> bool:
    """Whether MONAI's config parser would take `setting` as it stands."""
    if isinstance(setting, dict):
        return all(isinstance(key, str) and not key.startswith("_") and _is_value(setting[key]) for key in setting)
    if isinstance(setting, list | tuple):
        return all(map(_is_value, setting))
    if isinstance(setting, str):
        return not any(letter in setting for letter in EXPRESSIONS)
    return setting is None or isinstance(setting, bool | int | float)


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Load all weights into `network`, or none.

    Raises:
        WeightsError: naming the first keys that are missing or too many, the shapes that differ, or values not finite.
    """
    expected = network.state_dict()
    missing, unknown = expected.keys() - weights.model.keys(), weights.model.keys() - expected.keys()
    shapes = [
        f"{key} is {tuple(value.shape)} in the file and {tuple(expected[key].shape)} in the network"
        for key, value in weights.model.items()
        if key in expected and value.shape != expected[key].shape
    ]
    problems = [f"lacks {key}" for key in sorted(missing)] + [f"has unknown {key}" for key in sorted(unknown)] + shapes
    problems += [f"{k} has values that are not finite" for k, v in weights.model.items() if not v.isfinite().all()]
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        name = type(network).__name__
        raise WeightsError(f"{weights.path} does not fit this {name}: {'; '.join(problems[:3])}{more}.")
    network.load_state_dict(weights.model)


def with_weights(network: nn.Module, *, path: Path | str, device: torch.device) -> nn.Module:
    """The network on `device` with the weights of a checkpoint, as the start of a training.

    Raises:
        WeightsError: see `read_checkpoint` and `load_weights`.
    """
    load_weights(network, read_weights(path))
    return network.to(device)


def check_preprocessing(weights: Weights, settings: dict[str, Any]) -> None:
    """Refuse weights that were trained under other preprocessing than what they are about to see.

    Raises:
        WeightsError: naming each setting with both values.
    """
    names = sorted((weights.preprocessing.keys() | settings.keys()) - ONLY_A_GATE)
    pairs = [(name, weights.preprocessing.get(name), settings.get(name)) for name in names]
    different = [f"{name} {trained} there, {here} here" for name, trained, here in pairs if trained != here]
    if different:
        raise WeightsError(f"{weights.path} was trained with other preprocessing: {'; '.join(different)}.")
