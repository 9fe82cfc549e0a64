"""What was chosen for the mean of several weights: ``ensemble.json`` in their folder."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mammoseg.checkpoints.recorded_values import (
    read_recorded_calibration,
    read_recorded_flips,
    read_recorded_least_area,
    read_recorded_provenance,
    read_recorded_threshold,
)
from mammoseg.checkpoints.weights_file import WeightsError, read_members
from mammoseg.files import read_json, write_json


@dataclass(frozen=True)
class EnsembleRecord:
    """What holds for the mean of some weights, as a checkpoint says it of its own.

    Attributes:
        members: SHA-256 of each file by its name.
        threshold: probability from which a pixel is mass.
        calibration: value of `read_recorded_calibration`.
        flips: whether each member looks twice.
        min_area_mm2: least area of a lesion in the breast.
        provenance: what it was chosen on.
    """

    members: dict[str, str]
    threshold: float | None = None
    calibration: dict[str, Any] | None = None
    flips: bool = False
    min_area_mm2: float | None = None
    provenance: dict[str, Any] = field(default_factory=dict)


def write_ensemble(path: Path, record: EnsembleRecord) -> None:
    """Write a record, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_json(path, asdict(record))


def read_ensemble(path: Path) -> EnsembleRecord:
    """Read a record; it is held to the same rules as what a checkpoint records.

    Raises:
        WeightsError: it cannot be read, or records what cannot be.
    """
    members = {name: str(sha256) for name, sha256 in read_members(path).items()}
    content = read_json(path)
    try:
        return EnsembleRecord(
            members,
            threshold=read_recorded_threshold(content.get("threshold")),
            calibration=read_recorded_calibration(content.get("calibration")),
            flips=read_recorded_flips(content.get("flips")),
            min_area_mm2=read_recorded_least_area(content.get("min_area_mm2")),
            provenance=read_recorded_provenance(content.get("provenance") or {}),
        )
    except ValueError as error:
        raise WeightsError(f"{path} is not used: it {error}.") from error
