"""A network as an ONNX file, and beside it what its weights record, ``NAME.onnx.json``; needs no torch.

It is what engines without torch read: converted weights in the user's cache, those that ship, and what
`mammoseg export --formats onnx` writes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from mammoseg.checkpoints.onnx_file import find_faults_in_onnx
from mammoseg.checkpoints.record import WeightsRecord, name_members
from mammoseg.checkpoints.recorded_values import (
    check_grid,
    read_recorded_choices,
    read_recorded_provenance,
    rebuild_arguments,
    with_text_keys,
)
from mammoseg.checkpoints.weights_file import WeightsError, require_weights
from mammoseg.files import SHA256, as_printable, hash_file, read_json, write_json
from mammoseg.transforms.settings import list_film_settings, list_prompted_settings

FORMAT = 3
"""To be raised when other bytes are written for the same weights."""

ENDING = ".onnx"

F32, INT8 = "f32", "int8"
"""In what a network is kept: as it was trained, or quantised, see `mammoseg.inference.engines.int8`."""

LOGITS, PROBABILITY = "logits", "probability"
"""What a network gives: as it was trained, or with its sigmoid or softmax, as an export has it."""


@dataclass(frozen=True)
class ConvertedFile:
    """A network and what it is.

    Attributes:
        model: the ONNX file.
        record: what the weights record; its hash is that of the weights, its path that of the ONNX file.
        output: `LOGITS` or `PROBABILITY`.
        precision: `F32` or `INT8`.
        sha256: hash of the ONNX file.
    """

    model: Path
    record: WeightsRecord
    output: str
    precision: str
    sha256: str


def locate_record(model: Path) -> Path:
    """Where the record of an ONNX file lies."""
    return model.with_name(f"{model.name}.json")


def write_record(model: Path, record: WeightsRecord, *, output: str, precision: str = F32) -> None:
    """Write what the weights of an ONNX file record beside it, with the file's own hash.

    Raises:
        OSError: it cannot be written.
    """
    content = {"format": FORMAT, "output": output, "precision": precision, "model_sha256": hash_file(model)}
    write_json(locate_record(model), {**content, "record": {**asdict(record), "path": None}})


def read_converted_file(model: Path | str) -> ConvertedFile:
    """Read the record of an ONNX file; it is held to the same rules as what a checkpoint records.

    Raises:
        WeightsError: one of the two is not there, they do not go together, it records what cannot be, or the network
            reads other files or needs operators that no runtime has by itself.
    """
    model = require_weights(model)
    path = locate_record(model)
    try:
        content = dict(read_json(path))
        output, precision = content["output"], content.get("precision", F32)
        is_known = output in (LOGITS, PROBABILITY) and precision in (F32, INT8)
        found = (content["format"], content["model_sha256"], is_known)
        record = dict(content["record"])
    except Exception as error:  # JSON of any form
        raise WeightsError(
            f"{path.name} beside {model} cannot be read, so nobody knows what its network takes; "
            "copy both files of the export."
        ) from error
    sha256 = hash_file(model)
    if found != (FORMAT, sha256, True):
        raise WeightsError(f"{path.name} is of another file than {model}, or of another version; export it again.")
    if fault := next(find_faults_in_onnx(model), None):
        raise WeightsError(f"{as_printable(model)} is not used: it {fault}.")
    try:
        return ConvertedFile(model, _rebuild_record(record, model), output, precision, sha256)
    except (ValueError, TypeError, KeyError) as error:
        said = error if type(error) is ValueError else "records what no network has"
        raise WeightsError(f"{path} is not used: it {said}.") from error


def find_kept_network(model: Path, sha256: str) -> ConvertedFile | None:
    """The network of the weights with this hash, as they were trained; None where there is none that can be used."""
    try:
        found = read_converted_file(model)
    except WeightsError:  # absent, damaged, or of another version: it is made again
        return None
    return found if (found.record.sha256, found.output, found.precision) == (sha256, LOGITS, F32) else None


def _rebuild_record(record: Mapping[str, Any], model: Path) -> WeightsRecord:
    network = read_recorded_provenance(dict(record["network"]))
    preprocessing = _rebuild_settings(dict(record["preprocessing"]))
    name_members(network)
    if not (type(network["in_channels"]) is int and SHA256.fullmatch(record["sha256"])):
        raise ValueError("records a network without channels, or no hash of its weights")
    check_grid(preprocessing["spatial_size"], max(1, network["in_channels"]))
    return WeightsRecord(
        architecture=str(read_recorded_provenance(record["architecture"])),
        network=network,
        preprocessing=preprocessing,
        provenance=read_recorded_provenance(dict(record["provenance"])),
        sha256=record["sha256"],
        path=model,
        **read_recorded_choices(record),
    )


def _rebuild_settings(record: dict[Any, Any]) -> dict[str, Any]:
    """The settings of a mammogram's preprocessing, or of a crop around prompts, rebuilt."""
    given = with_text_keys(record)
    prompted = given.keys() == signature(list_prompted_settings).parameters.keys()
    return rebuild_arguments(list_prompted_settings if prompted else list_film_settings, given)
