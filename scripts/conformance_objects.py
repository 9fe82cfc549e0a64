"""One of each DICOM object that is written, made of a mammogram that is unlike any of ours."""

from datetime import datetime, timezone
from pathlib import Path

import checkout  # noqa: F401  # the package is that of this checkout
import numpy as np
from pydicom import Dataset, dcmread

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.cad_sr import build_cad_report
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.secondary_capture import build_secondary_capture
from mammoseg.dicom.seg import SegKind, build_segmentation
from mammoseg.dicom.sr import build_report

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)

UNLIKE_OURS = {
    "AccessionNumber": "A1",
    "InstanceNumber": 7,
    "Manufacturer": "maker",
    "ManufacturerModelName": "model",
    "PatientBirthDate": "19600102",
    "PhotometricInterpretation": "MONOCHROME1",
    "ReferringPhysicianName": "B",
    "SoftwareVersions": "1",
}
"""Values of the mammogram that no object has by itself, so that one that is taken over shows."""


def make_objects(folder: Path) -> tuple[Dataset, dict[str, Dataset]]:
    """A mammogram and each object that is made of it, by its title."""
    path = folder / "mammogram.dcm"
    write_mammogram(path, np.arange(1200).reshape(40, 30))
    source = dcmread(path, stop_before_pixels=True)
    for keyword, value in UNLIKE_OURS.items():
        setattr(source, keyword, value)
    lesion = np.zeros((40, 30), bool)
    lesion[10:17, 5:12] = True
    algorithm = Algorithm("unet", "0.1.0", "ab" * 32, 0.5)
    analysis = Analysis(source, [lesion], algorithm, WHEN, probability=np.where(lesion, 0.75, 0.1))
    segmentation = build_segmentation(analysis)
    return source, {
        "Segmentation": segmentation,
        "Segmentation as a label map (`--segmentation labelmap`)": build_segmentation(analysis, kind=SegKind.LABELMAP),
        "Report": build_report(analysis, segmentation),
        "Mammography CAD report (`--objects cad_sr`)": build_cad_report(analysis),
        "Secondary capture (`--objects sc`)": build_secondary_capture(analysis, read_mammogram(path)),
        "Presentation state (`--objects gsps`)": build_presentation_state(analysis),
    }
