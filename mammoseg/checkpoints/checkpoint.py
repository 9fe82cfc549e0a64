"""Weights with the settings they were trained under: read safely, load completely or not at all."""

import copy
import shutil
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from mammoseg.checkpoints.record import WeightsRecord, check_architecture, name_architecture
from mammoseg.checkpoints.recorded import rebuild_network_config, rebuild_preprocessing_settings
from mammoseg.checkpoints.recorded_values import CHOSEN, read_recorded_choices, read_recorded_provenance
from mammoseg.checkpoints.safetensors_file import is_safetensors, read_safetensors_file
from mammoseg.checkpoints.torch_file import read_torch_file
from mammoseg.checkpoints.weights_file import WeightsError, require_weights
from mammoseg.errors import say_reason
from mammoseg.files import as_printable, atomic_path, hash_file
from mammoseg.networks import Network, build_network
from mammoseg.transforms.arrays import with_own_voi

PARTS = ("model", "network", "preprocessing", "provenance")
"""What every checkpoint has."""

ONLY_A_GATE = {"modalities"}
"""Preprocessing settings that decide which files may enter, not what becomes of them."""


@dataclass(frozen=True, kw_only=True)
class Weights(WeightsRecord):
    """Content of a checkpoint file.

    Attributes:
        model: state dictionary of the network.
    """

    model: dict[str, Tensor]

    @property
    def origin(self) -> dict[str, Any]:
        """What the provenance of a run that starts with these weights says of them.

        Their own start is left out, or each further run would nest one deeper; whose encoder it was is kept.
        """
        said = dict(self.provenance)
        before = said.pop("started_from", None)
        if not said.get("encoder") and isinstance(before, dict):
            said["encoder"] = before.get("encoder")
        return {**said, "sha256": self.sha256}


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all.

    Raises:
        WeightsError: when the disk is full or the folder cannot be written; an older file at `path` stays as it was.
    """
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as file:  # torch writes the name of a path into it
            torch.save(_as_contiguous(content), file)
    except (OSError, RuntimeError) as error:
        reason = f"cannot write {path} ({say_reason(error)}); the file that was there is untouched."
        raise WeightsError(reason) from error


def _as_contiguous(value: Any) -> Any:
    """The same with each tensor's numbers in order, as every reader takes them; a network may have channels last."""
    if isinstance(value, torch.Tensor):
        return value.contiguous()
    if isinstance(value, dict):
        same = copy.copy(value)  # a schedule's milestones are a Counter, and are read as one
        for name, part in value.items():
            same[name] = _as_contiguous(part)
        return same
    return [_as_contiguous(part) for part in value] if isinstance(value, list) else value


def as_checkpoint(weights: Weights, path: Path) -> Weights:
    """Write weights as what `torch.load` reads: a checkpoint byte for byte, those that ship as one.

    Returns:
        The weights of the new file.
    Raises:
        WeightsError: see `save_checkpoint`.
    """
    if not is_safetensors(weights.path):
        shutil.copyfile(weights.path, path)
        return read_weights(path)
    return write_weights(replace(weights, provenance=weights.provenance | {"shipped_sha256": weights.sha256}), path)


def write_weights(weights: Weights, path: Path) -> Weights:
    """Write weights as a checkpoint, with all that they record.

    Returns:
        The weights of the new file.
    Raises:
        WeightsError: see `save_checkpoint`.
    """
    save_checkpoint(path, {name: getattr(weights, name) for name in (*PARTS, *CHOSEN)})
    return read_weights(path)


def read_checkpoint(path: Path | str) -> dict[str, Any]:
    """Read a checkpoint, or weights that ship; nothing in it is executed, its records name only what this package has.

    What a training adds for its own continuation is plain values and tensors, not checked further.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    path = require_weights(path)
    content = read_safetensors_file(path) if is_safetensors(path) else read_torch_file(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(part), dict) for part in PARTS):
        raise WeightsError(f"{path} is not a checkpoint of mammoseg: it lacks one of {', '.join(PARTS)}.")
    try:
        return content | {
            "model": _read_model(content["model"]),
            "network": rebuild_network_config(content["network"]),
            "preprocessing": rebuild_preprocessing_settings(content["preprocessing"]),
            "provenance": read_recorded_provenance(content["provenance"]),
            **read_recorded_choices(content),
        }
    except ValueError as error:
        raise WeightsError(f"{path} is not loaded: it {error}.") from error


def read_weights(path: Path | str) -> Weights:
    """Read the weights of a checkpoint.

    Raises:
        WeightsError: see `read_checkpoint`; or the file changes while it is read.
    """
    path = require_weights(path)
    before = _stamp(path)
    content = read_checkpoint(path)
    sha256 = hash_file(path)
    if _stamp(path) != before:
        raise WeightsError(f"{path} was changed while it was read; run the same command again.")
    return Weights(
        model=content["model"],
        architecture=name_architecture(content["network"]),
        network=content["network"],
        preprocessing=content["preprocessing"],
        provenance=content["provenance"],
        sha256=sha256,
        path=path,
        **{name: content[name] for name in CHOSEN},
    )


def _stamp(path: Path) -> tuple[int, ...]:
    """What differs once the bytes of a file do."""
    state = path.stat()
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size


def read_record(weights: Weights) -> WeightsRecord:
    """What weights say beside their tensors."""
    return WeightsRecord(**{field.name: getattr(weights, field.name) for field in fields(WeightsRecord)})


def read_weights_for(bundle: str, path: Path | str) -> Weights:
    """Read the weights of a checkpoint that must be of the bundle's architecture; configs call it.

    Raises:
        WeightsError: see `read_checkpoint` and `check_architecture`.
    """
    weights = read_weights(path)
    check_architecture(weights, bundle)
    return weights


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Load all weights into `network`, or none.

    Raises:
        WeightsError: naming the first keys that are missing or too many, the shapes or kinds of numbers that differ, or
            values not finite.
    """
    load_model(network, weights.model, path=weights.path)


def load_model(network: nn.Module, model: Mapping[str, Tensor], *, path: Path) -> None:
    """Load a state dictionary that was read from `path`; see `load_weights`.

    Raises:
        WeightsError: keys or shapes are not the network's, or values are not finite.
    """
    expected = network.state_dict()
    _check_fits(expected, model, name=type(network).__name__, path=path)
    cast = {key: value.to(expected[key].dtype) for key, value in model.items()}
    if infinite := [
        f"{key} has values that are not finite" for key, value in cast.items() if not value.isfinite().all()
    ]:
        raise _make_misfit_error(infinite, name=type(network).__name__, path=path)
    network.load_state_dict(cast)


def build_trained_network(weights: Weights, **changes: Any) -> Network:
    """The network that a checkpoint records, on the CPU, with its weights.

    Args:
        changes: arguments of the network that a person gives instead of the recorded ones.
    Raises:
        WeightsError: record and weights do not go together.
    """
    config = weights.network | changes
    _check_builds(config, weights)
    network = build_network(config)
    load_weights(network, weights)
    return network


def read_chosen_threshold(path: Path | str, otherwise: float) -> float:
    """The probability from which a pixel is mass: what was chosen for the weights of a file, else `otherwise`.

    A file that is not there has none; whoever loads it says so.

    Raises:
        WeightsError: see `read_checkpoint`.
    """
    return Path(path).is_file() and read_weights(path).threshold or otherwise


def read_chosen_flips(path: Path | str) -> bool:
    """Whether the weights of a file want flips at test; one that is not there wants none, see `read_chosen_threshold`.

    Raises:
        WeightsError: see `read_checkpoint`.
    """
    return Path(path).is_file() and read_weights(path).flips


def check_preprocessing(weights: Weights, settings: dict[str, Any]) -> None:
    """Refuse weights that were trained under other preprocessing than what they are about to see.

    Raises:
        WeightsError: naming each setting with both values.
    """
    trained_under = with_own_voi(weights.preprocessing, settings.get("voi"))
    if different := list_differences(trained_under, settings, but=ONLY_A_GATE):
        raise WeightsError(f"{weights.path} was trained with other preprocessing: {'; '.join(different)}.")


def list_differences(there: Mapping[str, Any], here: Mapping[str, Any], *, but: Collection[str] = ()) -> list[str]:
    """What two records of settings differ in, with both values, in words.

    Args:
        but: names of settings that may differ.

    Examples:
        >>> from mammoseg.checkpoints.checkpoint import list_differences
        >>> list_differences({"aspect": "pad", "channels": 3}, {"aspect": "pad", "channels": 1})
        ['channels 3 there, 1 here']
    """
    return [
        f"{name} {there.get(name)} there, {here.get(name)} here"
        for name in sorted(there.keys() | here.keys())
        if name not in but and there.get(name) != here.get(name)
    ]


def _read_model(model: dict[Any, Any]) -> dict[str, Tensor]:
    if not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in model.items()):
        raise ValueError("has a model that holds more than tensors")
    return dict(model)


def _check_builds(config: dict[str, Any], weights: Weights) -> None:
    """Build the network and show it an image, both without memory behind them, before anything of its size is made."""
    name, settings = weights.architecture, weights.preprocessing
    try:
        with torch.device("meta"), torch.no_grad(), _at_most(len(weights.model)):
            network = build_network(config).eval()
            network(torch.empty(1, settings.get("channels", 3), *settings["spatial_size"]))
    except Exception as error:  # of any layer, about numbers that do not go together
        raise WeightsError(f"{weights.path} records settings of which no {name} can be built.") from error
    _check_fits(network.state_dict(), weights.model, name=name, path=weights.path)


@contextmanager
def _at_most(count: int) -> Iterator[None]:
    """Let this thread make no network of more than `count` parameters, which two short words can set to millions."""
    thread, made = threading.get_ident(), 0

    def count_up(*_: Any) -> None:
        nonlocal made
        made += threading.get_ident() == thread
        if made > count:
            raise ValueError(f"more than {count} parameters")

    hook = register_module_parameter_registration_hook(count_up)
    try:
        yield
    finally:
        hook.remove()


def _check_fits(expected: Mapping[str, Tensor], model: Mapping[str, Tensor], *, name: str, path: Path) -> None:
    problems = [f"lacks {key}" for key in sorted(expected.keys() - model.keys())]
    problems += [f"has unknown {as_printable(key)[:100]}" for key in sorted(model.keys() - expected.keys())]
    for key in [key for key in expected if key in model]:
        here, there = expected[key], model[key]
        if there.shape != here.shape:
            problems.append(f"{key} is {tuple(there.shape)} in the file and {tuple(here.shape)} in the network")
        elif there.is_floating_point() != here.is_floating_point():
            problems.append(f"{key} is {there.dtype} in the file and {here.dtype} in the network")
    if problems:
        raise _make_misfit_error(problems, name=name, path=path)


def _make_misfit_error(problems: list[str], *, name: str, path: Path) -> WeightsError:
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    return WeightsError(f"{path} does not fit this {name}: {'; '.join(problems[:3])}{more}.")
