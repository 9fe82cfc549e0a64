"""The mask in a DICOM file of masses: a grey image, or a SEG whose segments are fused."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from mammoseg.border import refused_as
from mammoseg.dicom import codes
from mammoseg.dicom.pixels import LOSSLESS, decode
from mammoseg.dicom.values import read_text
from mammoseg.errors import InputRefusedError
from mammoseg.mask_values import find_mass
from mammoseg.mass_names import says_mass

LABEL_MAP_SEGMENTATION_STORAGE = uid.UID("1.2.840.10008.5.1.4.1.1.66.7")
SEGMENTATION_CLASSES = (uid.SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE)


def decode_mask(
    dataset: Dataset, *, segments: Collection[int] | None = None, image_uid: str | None = None
) -> tuple[np.ndarray, list[str]]:
    """The mask uint8 0 / 1 ``(rows, columns)``, and remarks on how its values were read.

    A grey image counts as `find_mass` says, 0 being black; of a SEG the segments of mass are fused, a FRACTIONAL one
    from half its maximum.

    Args:
        segments: numbers of the segments of a SEG that count; None for all of mass.
        image_uid: SOP Instance UID of the image that a SEG must be about; None where it is not known.

    Raises:
        InputRefusedError: as `mammoseg.dicom.gate.decode`; ``E_SEG_IMAGE`` for a SEG of another image,
            ``E_SEG_SEGMENT`` for one without a mass, ``E_SEG`` for one that cannot be read,
            ``E_SOP_CLASS`` for segments of another class.
    """
    if read_text(dataset, "SOPClassUID") not in SEGMENTATION_CLASSES:
        if "SegmentSequence" in dataset:
            raise InputRefusedError("E_SOP_CLASS", "segments, but no SEG of pixels; save the masses as SEG or picture.")
        return _decode_grey_mask(dataset)
    with segmentation_refused():
        if image_uid is not None:
            check_about(dataset, image_uid)
        if segments is None:
            segments = list_mass_segments(dataset)
            if segments == ():
                raise make_no_mass_error()
        return _merge_frames(dataset, segments).astype(np.uint8), []


def decode_segments(
    dataset: Dataset, numbers: Collection[int], *, image_uid: str | None = None
) -> Iterator[np.ndarray]:
    """The mask of each of these segments of a SEG by itself, bool ``(rows, columns)``; see `decode_mask`.

    Raises:
        InputRefusedError: ``E_SEG_IMAGE`` for a SEG of another image, ``E_SEG`` for one that cannot be read.
    """
    with segmentation_refused():
        if image_uid is not None:
            check_about(dataset, image_uid)
        for number in numbers:
            yield _merge_frames(dataset, [number])


def segmentation_refused() -> AbstractContextManager[None]:
    """A block that looks into a SEG of a stranger; what pydicom and its decoders raise refuses the file (``E_SEG``)."""
    return refused_as(
        "E_SEG", "the segments, references or pixels of the segmentation do not fit each other; write it anew."
    )


def check_about(header: Dataset, image_uid: str) -> None:
    """Refuse a SEG that is not about this image alone.

    Raises:
        InputRefusedError: ``E_SEG_IMAGE``.
    """
    if find_referenced_instances(header) != {image_uid}:
        raise InputRefusedError("E_SEG_IMAGE", "the segmentation does not refer to this image, or not to it alone.")


def find_referenced_instances(header: Dataset) -> set[str]:
    """SOP Instance UIDs of the images that the frames derive from; of all referenced ones where no frame says."""
    groups = [
        *_read_items(header, "SharedFunctionalGroupsSequence"),
        *_read_items(header, "PerFrameFunctionalGroupsSequence"),
    ]
    derived = {
        str(source.ReferencedSOPInstanceUID)
        for group in groups
        for derivation in _read_items(group, "DerivationImageSequence")
        for source in _read_items(derivation, "SourceImageSequence")
    }
    return derived or {
        str(instance.ReferencedSOPInstanceUID)
        for series in _read_items(header, "ReferencedSeriesSequence")
        for instance in _read_items(series, "ReferencedInstanceSequence")
    }


def find_mass_segments(header: Dataset) -> list[Dataset]:
    """Items of Segment Sequence whose property type is Mass, in an older code of SNOMED too."""
    return [segment for segment in _read_items(header, "SegmentSequence") if _read_property_type(segment) == codes.MASS]


def list_mass_segments(header: Dataset, *, by_label: bool = False) -> tuple[int, ...] | None:
    """Numbers of the segments of mass, in their order; None, for all, where the file describes no segment.

    Args:
        by_label: whether a label that `says_mass` makes a segment one of mass, too, for programs that code every
            segment as tissue.
    """
    described = _read_items(header, "SegmentSequence")
    if not described:
        return None
    labelled = [one for one in described if by_label and says_mass(str(one.get("SegmentLabel", "")))]
    return tuple(sorted({int(segment.SegmentNumber) for segment in (*find_mass_segments(header), *labelled)}))


def make_no_mass_error(*, by_label: bool = False) -> InputRefusedError:
    """The refusal of a SEG in which `list_mass_segments` finds no mass among the segments that it describes."""
    label = ", or the word mass in its label" if by_label else ""
    reason = f"no segment has the property type Mass (SCT 4147007){label}; code the masses so."
    return InputRefusedError("E_SEG_SEGMENT", reason)


def _read_property_type(segment: Dataset) -> Code:
    (kind,) = segment.SegmentedPropertyTypeCodeSequence
    return Code(kind.get("CodeValue", ""), kind.get("CodingSchemeDesignator", ""), "")


def _decode_grey_mask(dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    stored = decode(dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":  # PS3.3 C.7.6.3.1.2: the least value is white
        stored = (2**dataset.BitsStored - 1) - stored
    syntax = dataset.file_meta.TransferSyntaxUID
    return find_mass(stored, is_lossy=syntax.is_compressed and syntax not in LOSSLESS)


def _merge_frames(dataset: Dataset, segments: Collection[int] | None) -> np.ndarray:
    frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    is_fractional = dataset.get("SegmentationType") == "FRACTIONAL"
    threshold = dataset.MaximumFractionalValue / 2 if is_fractional else 1
    if segments is not None and dataset.get("SegmentationType") == "LABELMAP":
        frames = np.isin(frames, list(segments))
    elif segments is not None:
        frames = frames[[number in segments for number in _read_segment_numbers(dataset)]]
    return (frames >= threshold).any(axis=0)


def _read_segment_numbers(dataset: Dataset) -> list[int]:
    """Segment number of each frame, PS3.3 C.8.20.3.1: said for all at once where they are of one."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or [Dataset()]
    items = [group.get("SegmentIdentificationSequence") or shared[0].SegmentIdentificationSequence for group in groups]
    return [int(item[0].ReferencedSegmentNumber) for item in items]


def _read_items(dataset: Dataset, keyword: str) -> list[Dataset]:
    return list(dataset.get(keyword) or [])
