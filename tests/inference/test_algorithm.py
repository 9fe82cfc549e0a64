"""What results say of the weights that gave them."""

from pathlib import Path

import pytest

from mammoseg.checkpoints.record import WeightsRecord
from mammoseg.inference.algorithm import build_algorithm

CALIBRATION = {"scale": 0.5, "offset": -1.0, "fitted_on": "discs"}


@pytest.mark.parametrize("fitted_with", [True, False])
@pytest.mark.parametrize("used_with", [True, False])
def test_a_calibration_counts_where_the_network_looks_as_often_as_it_was_fitted(fitted_with, used_with):
    record = WeightsRecord(
        architecture="UNet",
        network={},
        preprocessing={},
        provenance={},
        sha256="ab" * 32,
        path=Path("w.pt"),
        calibration=CALIBRATION,
        flips=fitted_with,
    )
    how = {"threshold": 0.5, "engine": "torch 2", "precision": "f32"}
    algorithm = build_algorithm(record, name="unet", version="1", flips=used_with, **how)
    assert algorithm.score_kind == ("calibrated on discs" if fitted_with == used_with else "uncalibrated")
