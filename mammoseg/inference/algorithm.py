"""Weights as the results that they gave name them."""

from typing import Any

from mammoseg.calibration import Calibration
from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.own_voi import is_own_voi
from mammoseg.files import as_printable
from mammoseg.provenance import find_source, find_warning


def build_algorithm(
    weights: WeightsRecord,
    *,
    name: str,
    version: str,
    threshold: float,
    flips: bool,
    engine: str,
    precision: str,
    voi: str | int = "first",
) -> Algorithm:
    """What a bundle with these weights is called in its results.

    Args:
        name: the bundle's name.
        version: the bundle's version.
        threshold: probability from which a pixel is mass.
        flips: whether the probability is the mean with the image upside down, see `mammoseg.inference.flips`. The
            calibration of the weights counts only where it is as they record it: a mean of two looks has other scores.
        engine: what computed, with its version.
        precision: what it computed with, such as f32.
        voi: how DICOM files were read, of which a function of somebody's own is named.
    """
    fitted = weights.calibration if flips == weights.flips else None
    return Algorithm(
        name,
        version,
        threshold=threshold,
        flips=say_flips(flips),
        calibration=Calibration(**fitted) if fitted else None,
        min_area_mm2=weights.min_area_mm2,
        engine=engine,
        precision=precision,
        voi=str(voi) if is_own_voi(voi) else None,
        **describe_weights(weights),
    )


def say_flips(flips: bool) -> str | None:
    """Of the image that a probability is the mean over, as results name them; None where there are none."""
    return "up-down" if flips else None


def describe_weights(weights: WeightsRecord) -> dict[str, Any]:
    """What `Algorithm` says of weights, by its names: file, hash, data, and what must be said of them."""
    return {
        "weights_sha256": weights.sha256,
        "weights_file": as_printable(weights.path.name),
        "trained_on": find_source(weights.provenance),
        "warning": find_warning(weights.provenance),
    }
