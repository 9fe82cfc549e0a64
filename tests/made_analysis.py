"""A mammogram of 40 x 30 pixels with two lesions, as every DICOM object is built from."""

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.derived import Algorithm, Analysis

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ALGORITHM = Algorithm("unet", "0.1.0", "ab" * 32, 0.5)
SHAPE = (40, 30)


def made_source(folder: Path) -> pydicom.Dataset:
    """Header of a left CC mammogram, 0.07 mm pixels, no Frame of Reference; the file is ``source.dcm``."""
    write_mammogram(folder / "source.dcm", np.arange(40 * 30).reshape(SHAPE), patient_id="CANARY")
    return pydicom.dcmread(folder / "source.dcm", stop_before_pixels=True)


def made_lesions() -> list[np.ndarray]:
    """Two rectangles, not symmetric in any way, so that a flip or a transposition shows; 68 and 60 pixels."""
    first, second = np.zeros((2, *SHAPE), bool)
    first[20:37, 2:6] = True
    second[3:7, 5:20] = True
    return [first, second]


def made_analysis(folder: Path, **changed: Any) -> Analysis:
    """Analysis of `made_source`; arguments replace those of `Analysis`."""
    lesions = made_lesions()
    probability = np.where(lesions[0] | lesions[1], 0.75, 0.1)
    given = {"source": changed.get("source") or made_source(folder)}
    known = {"lesions": lesions, "algorithm": ALGORITHM, "when": WHEN, "probability": probability}
    return Analysis(**{**known, **given, **changed})
