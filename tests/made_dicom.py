"""Small mammography DICOM files for tests, made on the spot."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

RAMP = np.arange(12, dtype=np.uint16).reshape(3, 4) * 300
"""Stored values 0, 300, ... 3300, three rows by four columns."""

SYNTHESIZED = {
    "SOPClassUID": BreastTomosynthesisImageStorage,
    "NumberOfFrames": 1,
    "ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"],
}
"""Attributes of a 2D image computed from tomosynthesis, in its class."""


def mammogram_dataset(stored: np.ndarray = RAMP, **attributes: Any) -> pydicom.Dataset:
    """A 12-bit MONOCHROME2 L CC mammogram of the stored values; attributes replace or add, None takes one out."""
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["mammoseg test"])
    dataset.PatientName = "Secret^Name"
    dataset.Modality = "MG"
    dataset.ImageLaterality = "L"
    dataset.ViewPosition = "CC"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = stored.astype("<u2").tobytes()
    for name, value in attributes.items():
        setattr(dataset, name, value)
        if value is None:
            delattr(dataset, name)
    return dataset


def write_mammogram(folder: Path, stored: np.ndarray = RAMP, **attributes: Any) -> Path:
    """Write `mammogram_dataset` and return its path."""
    path = folder / "mammogram.dcm"
    mammogram_dataset(stored, **attributes).save_as(path, enforce_file_format=True)
    return path


def lut_item(first: int, values: list[int], *, bits: int = 12) -> pydicom.Dataset:
    """Item of a Modality or VOI LUT Sequence."""
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [len(values), first, bits])
    item.add_new("LUTData", "US", values)
    return item
