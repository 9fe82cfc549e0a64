"""DICOM mammograms made by us: a valid MG file of any pixels."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from mammoseg.dicom.codes import build_code_item
from mammoseg.files import atomic_path

WHEN = datetime(2020, 1, 1, 12, 0, 0, tzinfo=timezone.utc)
"""Date and time that every file carries; fixed, so that the same call writes the same bytes."""

BITS_STORED = 12
"""Bits of a pixel, stored in 16, as most digital mammography units do."""

VIEW_CODES = {
    "CC": Code("399162004", "SCT", "cranio-caudal"),
    "MLO": Code("399368009", "SCT", "medio-lateral oblique"),
    "ML": Code("399260004", "SCT", "medio-lateral"),
    "LM": Code("399352003", "SCT", "latero-medial"),
}
"""Views of the standard, PS3.16 CID 4014."""

COLUMN_DIRECTION = {
    "CC": {"L": "R", "R": "L"},
    "MLO": {"L": "FR", "R": "FL"},
    "ML": {"L": "F", "R": "F"},
    "LM": {"L": "F", "R": "F"},
}
"""Second value of PatientOrientation: where the columns run when the axilla or the lateral side is at the top."""


def write_mammogram(
    path: Path,
    pixels: np.ndarray,
    *,
    laterality: str = "L",
    view: str = "CC",
    photometric: str = "MONOCHROME2",
    transfer_syntax: str = ExplicitVRLittleEndian,
    patient_id: str = "PHANTOM-0001",
    study: str = "1",
    pixel_spacing_mm: tuple[float, float] = (0.07, 0.07),
    window: tuple[float, float] | None = (2048, 4096),
    attributes: Mapping[str, Any] | None = None,
) -> FileDataset:
    """Write a Digital Mammography X-Ray Image - For Presentation, whole or not at all.

    All UIDs derive from the arguments: the same call writes the same bytes, other pixels get another SOP Instance UID.

    Args:
        pixels: integers 0 to 4095, shape (rows, columns), dense tissue bright; MONOCHROME1 stores ``4095 - pixels``.
        view: a key of `VIEW_CODES`.
        transfer_syntax: UID of one that pydicom can encode: uncompressed little endian, RLE, JPEG-LS, JPEG 2000
            (sides of at least 32 pixels).
        study: distinguishes studies of one patient; a study has one series per laterality and view.
        pixel_spacing_mm: (row, column) at the detector, ImagerPixelSpacing.
        window: (center, width) in stored values, or None for a file without VOI window.
        attributes: values by keyword, set last, before compression; a value of None takes the attribute out.

    Returns:
        The dataset as written.

    Raises:
        ValueError: when `pixels` is not a 2D array of 12-bit values, or view, laterality or photometric is unknown.
    """
    highest = 2**BITS_STORED - 1
    if pixels.ndim != 2 or pixels.min() < 0 or pixels.max() > highest:
        raise ValueError(f"pixels has shape {pixels.shape}; give one 2D image with values from 0 to {highest}.")
    if view not in VIEW_CODES or laterality not in ("L", "R"):
        raise ValueError(f"'{laterality} {view}' is not known; laterality is L or R, view is {', '.join(VIEW_CODES)}.")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError(f"photometric '{photometric}' is not grey; give MONOCHROME1 or MONOCHROME2.")
    stored = (highest - pixels if photometric == "MONOCHROME1" else pixels).astype("<u2")
    dataset = _build_mammogram(
        stored, laterality, view, photometric, patient_id, study, pixel_spacing_mm, transfer_syntax
    )
    if window is not None:
        dataset.WindowCenter, dataset.WindowWidth = window
        dataset.VOILUTFunction = "LINEAR"
    for keyword, value in (attributes or {}).items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    if UID(transfer_syntax).is_compressed:
        dataset.compress(transfer_syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    with atomic_path(path) as temporary:
        dcmwrite(temporary, dataset, enforce_file_format=True)
    return dataset


def _build_mammogram(
    stored: np.ndarray,
    laterality: str,
    view: str,
    photometric: str,
    patient_id: str,
    study: str,
    pixel_spacing_mm: tuple[float, float],
    transfer_syntax: str,
) -> FileDataset:
    """The modules of the MG IOD (PS3.3 A.26.3), in the order of the standard."""
    series = [patient_id, study, laterality, view]
    content = hashlib.sha256(stored.tobytes()).hexdigest()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[*series, photometric, transfer_syntax, content])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)

    image.PatientName = f"{patient_id}^Phantom"  # C.7.1.1 Patient
    image.PatientID = patient_id
    image.PatientBirthDate = ""
    image.PatientSex = "F"
    image.StudyInstanceUID = generate_uid(entropy_srcs=[patient_id, study])  # C.7.2.1 General Study
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = f"{WHEN:%Y%m%d}"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = f"{WHEN:%H%M%S}"
    image.ReferringPhysicianName = ""
    image.StudyID = study[:16]
    image.AccessionNumber = ""
    image.Modality = "MG"  # C.7.3.1 General Series, C.8.11.1 DX Series, C.8.11.6 Mammography Series
    image.SeriesInstanceUID = generate_uid(entropy_srcs=[*series, "series"])
    image.SeriesNumber = 1 + list(VIEW_CODES).index(view)
    image.SeriesDescription = f"{laterality} {view}"
    image.PresentationIntentType = "FOR PRESENTATION"
    image.Manufacturer = "mammoseg"  # C.7.5.1 General Equipment
    image.ManufacturerModelName = "phantom"
    image.InstanceNumber = 1  # C.7.6.1 General Image
    image.PatientOrientation = ["A" if laterality == "L" else "P", COLUMN_DIRECTION[view][laterality]]
    image.ImageType = ["DERIVED", "PRIMARY", ""]
    image.ContentQualification = "RESEARCH"
    image.BurnedInAnnotation = "NO"
    image.LossyImageCompression = "00"
    image.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    image.SamplesPerPixel = 1  # C.7.6.3 Image Pixel
    image.PhotometricInterpretation = photometric
    image.Rows, image.Columns = stored.shape
    image.BitsAllocated = 16
    image.BitsStored = BITS_STORED
    image.HighBit = BITS_STORED - 1
    image.PixelRepresentation = 0
    image.PixelData = stored.tobytes()
    image.AcquisitionContextSequence = []  # C.7.6.14 Acquisition Context
    image.ImageLaterality = laterality  # C.8.11.2 DX Anatomy Imaged
    image.AnatomicRegionSequence = [build_code_item(codes.SCT.Breast)]
    image.PixelIntensityRelationship = "LOG"  # C.8.11.3 DX Image
    image.PixelIntensityRelationshipSign = 1 if photometric == "MONOCHROME1" else -1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = 0, 1, "US"
    image.ImagerPixelSpacing = [round(side, 6) for side in pixel_spacing_mm]  # C.8.11.4 DX Detector
    image.DetectorType = "DIRECT"
    image.BodyPartExamined = "BREAST"
    image.PositionerType = "MAMMOGRAPHIC"  # C.8.11.7 Mammography Image
    image.OrganExposed = "BREAST"
    image.BreastImplantPresent = "NO"
    image.PartialView = "NO"
    image.ViewPosition = view
    view_item = build_code_item(VIEW_CODES[view])
    view_item.ViewModifierCodeSequence = []
    image.ViewCodeSequence = [view_item]
    image.SOPClassUID = meta.MediaStorageSOPClassUID  # C.12.1 SOP Common
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.TimezoneOffsetFromUTC = "+0000"
    return image
