"""What was chosen for the mean of several weights: ``ensemble.json`` in their folder."""

from collections.abc import Mapping, Sequence
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
from mammoseg.checkpoints.weights_file import Named, WeightsError, find_described_ensemble, read_members
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


def read_named_ensemble(named: Named) -> EnsembleRecord | None:
    """The record of what is named as weights; None where that is more than one folder, or has none.

    Raises:
        WeightsError: see `read_ensemble`.
    """
    path = find_described_ensemble(named)
    return None if path is None else read_ensemble(path)


def check_members(record: EnsembleRecord, hashes: Mapping[str, str]) -> None:
    """Refuse a record of other files.

    Args:
        record: record of a folder.
        hashes: SHA-256 of each of its files by name.
    Raises:
        WeightsError: naming the first that has changed.
    """
    if changed := [name for name, sha256 in hashes.items() if record.members[name] != sha256]:
        raise WeightsError(
            f"{changed[0]} is not the file that its ensemble.json is about; calibrate the folder again, or remove it."
        )


def choose_for_mean(
    record: EnsembleRecord | None,
    *,
    thresholds: Sequence[float],
    areas: Sequence[float | None],
    flips: Sequence[bool],
) -> dict[str, Any]:
    """Threshold, calibration and least area of the mean of several weights, by the names of a checkpoint.

    Args:
        record: what was chosen for the mean. Without it the threshold is the mean of the members', scores are
            uncalibrated, for none of theirs is fitted to a mean, and the least area is the largest of theirs.
        thresholds: probability of each member from which a pixel is mass.
        areas: least area of each member.
        flips: whether each member looks twice; the calibration counts only where that is as it was fitted.
    """
    known = [area for area in areas if area is not None]
    is_as_fitted = record is not None and all(one == record.flips for one in flips)
    return {
        "threshold": record and record.threshold or sum(thresholds) / len(thresholds),
        "calibration": record.calibration if record and is_as_fitted else None,
        "min_area_mm2": record.min_area_mm2 if record else max(known, default=None),
    }
