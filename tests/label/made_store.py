"""Mammograms, labels and datastores for the tests of the datastore."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from mammoseg.data.phantom_dicom import write_mammogram
from monailabel_app.lib.datastore import InstanceDatastore, open_datastore

VIEWS = (("L", "CC", (40, 30)), ("R", "CC", (44, 30)), ("L", "MLO", (50, 36)), ("R", "MLO", (38, 52)))
"""Side, view and (rows, columns) of four images of one study."""


def write_views(folder: Path, *, patient: str = "CANARY", attributes: dict[str, Any] | None = None) -> list[Path]:
    """Four views of one study, a series each unless `attributes` names one."""
    paths = []
    for number, (side, view, shape) in enumerate(VIEWS):
        pixels = (np.arange(shape[0] * shape[1]).reshape(shape) * 7 + number) % 4096
        path = folder / f"{side}{view}.dcm"
        write_mammogram(path, pixels, laterality=side, view=view, patient_id=patient, attributes=attributes)
        paths.append(path)
    return paths


def made_mask(shape: tuple[int, int]) -> np.ndarray:
    """Two regions, symmetric in no way."""
    mask = np.zeros(shape, bool)
    mask[3:9, 2:20] = True
    mask[12:30, 20:24] = True
    mask[12:14, 24:27] = True
    return mask


def as_slicer_writes(mask: np.ndarray, image: Path, path: Path, *, value: int = 1) -> Path:
    """A label map with the geometry that ITK gives the image, in the format that the name of `path` says."""
    source = sitk.ReadImage(str(image))
    label = sitk.GetImageFromArray(mask.reshape(source.GetSize()[::-1]).astype(np.uint8) * value)
    label.CopyInformation(source)
    sitk.WriteImage(label, str(path), useCompression=True)
    return path


def mask_of(store: InstanceDatastore, image_id: str) -> np.ndarray:
    """The newest label of an image, bool (rows, columns)."""
    label = sitk.ReadImage(store.get_label_uri(image_id, "final"))
    return sitk.GetArrayFromImage(label)[0] != 0


@contextmanager
def opened(studies: Path | str, state: Path, **conf: str) -> Iterator[InstanceDatastore]:
    """A datastore that is closed in the end."""
    store = open_datastore(str(studies), conf, state)
    try:
        yield store
    finally:
        store.close()
