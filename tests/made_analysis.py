"""A mammogram of 40 x 30 pixels with two lesions, as every DICOM object is built from."""

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.seg import SegKind, SegProfile, build_segmentation
from mammoseg.dicom.write import write_object

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


def build(
    source: pydicom.Dataset,
    lesions: Sequence[np.ndarray],
    *,
    kind: SegKind = SegKind.BINARY,
    profile: SegProfile = SegProfile.VIEWER,
    **known: Any,
) -> hd.seg.Segmentation:
    """Segmentation of an `Analysis` that is given in parts."""
    return build_segmentation(Analysis(source, lesions, **known), kind=kind, profile=profile)


def write_and_read(segmentation: hd.seg.Segmentation, folder: Path) -> hd.seg.Segmentation:
    """The segmentation as highdicom reads it from disk."""
    write_object(segmentation, folder / "seg.dcm")
    return hd.seg.segread(folder / "seg.dcm")
