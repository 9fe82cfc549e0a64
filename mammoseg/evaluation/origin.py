"""What an evaluation says of itself: data, weights and settings, by which runs of the same weights are told apart."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.data.datalist import read_datalist
from mammoseg.files import hash_file
from mammoseg.inference.algorithm import describe_weights, say_flips
from mammoseg.provenance import describe_machine, format_command_line

NO_LEAST_AREA = {"min_area_mm2": None}
"""Every evaluation says so: specks, and what weights leave out of a prediction as too small, count as predicted."""


def describe_making() -> dict[str, Any]:
    """Command, machine and date of an evaluation."""
    return {"command": format_command_line(), "machine": describe_machine(), "date": f"{datetime.now():%Y-%m-%d}"}


def describe_data_origin(datalist: Path, section: str, weights: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Data that weights are scored on and where these come from, as `mammoseg.provenance.find_doubt` takes them.

    It is of no fold: the whole section is scored.

    Args:
        datalist: file of the data, ``datalist.json``.
        section: section of it that is scored.
        weights: origin of each, see `mammoseg.checkpoints.checkpoint.Weights`.
    """
    return {
        "source": read_datalist(datalist)["source"],
        "datalist_sha256": hash_file(datalist),
        "section": section,
        "fold": None,
        "started_from": list(weights),
    }


def with_settings(
    provenance: Mapping[str, Any],
    *,
    weights: WeightsRecord,
    section: str,
    threshold: float,
    flips: bool,
    precision: str,
) -> dict[str, Any]:
    """Provenance of a workflow of one network, with what it scores and how; its seed is that of the training.

    ``validation`` is the epoch that the weights are of, with its score; ``network`` and ``spatial_size`` are theirs,
    and may be of less width than the bundle.

    Args:
        provenance: what the run says of itself, see `mammoseg.provenance.collect_provenance`.
        weights: weights that are scored.
        section: section of the datalist.
        threshold: probability from which a pixel is mass.
        flips: whether the probability is the mean with the image upside down.
        precision: what the network computes with, such as float32.
    """
    facts = describe_weights(weights)
    del facts["warning"]
    settings = {"section": section, "threshold": threshold, "flips": say_flips(flips), "precision": precision}
    trained = {
        "seed": weights.provenance.get("seed"),
        "validation": weights.provenance.get("validation"),
        "network": weights.network,
        "spatial_size": list(weights.preprocessing["spatial_size"]),
    }
    area = weights.preprocessing.get("patch_area")
    patches = {} if area is None else {"patches": f"around known masses, {area:g} times the area of their boxes"}
    return {**provenance, **trained, **facts, **settings, **patches, **NO_LEAST_AREA, **describe_making()}
