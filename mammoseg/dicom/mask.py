"""The mask in a DICOM file of masses: a grey image, or a SEG whose segments are fused."""

from collections.abc import Collection

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from mammoseg.dicom.gate import decode
from mammoseg.errors import InputRefusedError

LABEL_MAP_SEGMENTATION_STORAGE = uid.UID("1.2.840.10008.5.1.4.1.1.66.7")
SEGMENTATION_CLASSES = (uid.SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE)


def decode_mask(dataset: Dataset, segments: Collection[int] | None = None) -> np.ndarray:
    """The mask uint8 0 / 1 ``(rows, columns)``; every value but zero is mass, a FRACTIONAL one from half its maximum.

    Args:
        segments: numbers of the segments of a SEG that count; None for all.

    Raises:
        InputRefusedError: as `mammoseg.dicom.gate.decode`; ``E_SEG`` for a SEG that cannot be decoded.
    """
    if dataset.get("SOPClassUID") not in SEGMENTATION_CLASSES:
        return (decode(dataset) != 0).astype(np.uint8)
    try:
        frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
        is_fractional = dataset.get("SegmentationType") == "FRACTIONAL"
        threshold = dataset.MaximumFractionalValue / 2 if is_fractional else 1
        if segments is not None and dataset.get("SegmentationType") == "LABELMAP":
            frames = np.isin(frames, list(segments))
        elif segments is not None:
            frames = frames[[number in segments for number in _segment_of_frames(dataset)]]
    except (RuntimeError, ValueError, AttributeError, TypeError, KeyError, EOFError) as error:
        raise InputRefusedError("E_SEG", "the pixels of the segmentation do not fit its header.") from error
    return (frames >= threshold).any(axis=0).astype(np.uint8)


def _segment_of_frames(dataset: Dataset) -> list[int]:
    """Segment number of each frame, PS3.3 C.8.20.3.1: said for all at once where they are of one."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or [Dataset()]
    items = [group.get("SegmentIdentificationSequence") or shared[0].SegmentIdentificationSequence for group in groups]
    return [int(item[0].ReferencedSegmentNumber) for item in items]
