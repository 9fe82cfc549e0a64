"""DICOM objects on disk: whole or not at all, read back, and never two contents under one SOP Instance UID."""

import hashlib
from contextlib import AbstractContextManager
from enum import Enum
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom import DataElement, Dataset, dcmread, dcmwrite
from pydicom.datadict import tag_for_keyword
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from mammoseg.border import refused_as
from mammoseg.dicom.header import find_malformed_keywords
from mammoseg.dicom.iod import find_lacking_attributes
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.errors import InputRefusedError
from mammoseg.files import atomic_path
from mammoseg.folders import is_plain_file

TIME_KEYWORDS = (
    "InstanceCreationDate InstanceCreationTime SeriesDate SeriesTime ContentDate ContentTime TimezoneOffsetFromUTC "
    "ContributionDateTime ObservationDateTime PresentationCreationDate PresentationCreationTime "
    "DateOfSecondaryCapture TimeOfSecondaryCapture"
).split()
"""Attributes that say when mammoseg made the object; dates of the study and of the acquisition are not among them."""

TIME_TAGS = frozenset(tag_for_keyword(keyword) for keyword in TIME_KEYWORDS)


class WriteOutcome(Enum):
    """What became of the file: written, or kept because it held the same content already."""

    WRITTEN = "written"
    KEPT = "kept"


@no_header_values_in_warnings()
def write_object(dataset: Dataset, path: Path) -> WriteOutcome:
    """Write `dataset` to `path`; it counts as written once every byte, and the pixels of a SEG, read back the same.

    A file of the same SOP Instance UID and content (times apart) is kept untouched. A damaged file and one of another
    UID, as another threshold gives, are replaced.

    Raises:
        InputRefusedError: an attribute taken over from the source breaks the rules of its value representation, one
            that DICOM requires is lacking, or `path` holds other content under the same UID.
        OSError: the file cannot be written, or does not read back the same.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from mammoseg.data.phantom_dicom import write_mammogram
        >>> from mammoseg.dicom.write import write_object
        >>> dataset = write_mammogram(Path("made.dcm"), np.arange(1200).reshape(40, 30))
        >>> write_object(dataset, Path("copy.dcm")).name
        'WRITTEN'
        >>> write_object(dataset, Path("copy.dcm")).name
        'KEPT'
    """
    if lacking := find_lacking_attributes(dataset):
        raise InputRefusedError("E_RESULT", _say_broken(f"{', '.join(lacking)} would be lacking"))
    encoded = _encode(dataset)
    standing = _read_if_dicom(path) if is_plain_file(path) else None
    if standing is not None and standing.SOPInstanceUID == dataset.SOPInstanceUID:
        if hash_content(standing) == hash_content(dataset):
            return WriteOutcome.KEPT
        raise InputRefusedError(
            "E_OUTPUT", f"{path.name} holds other content under the same UID; delete it or name another output folder."
        )
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded)
        if temporary.read_bytes() != encoded or not _reads_the_same_pixels(dataset, temporary):
            raise OSError(f"{path.name} does not read back what was written; the disk may be failing.")
    return WriteOutcome.WRITTEN


def header_refused() -> AbstractContextManager[None]:
    """A block that builds an object from the header of a source; what a library says against a value refuses the file.

    The refusal (``E_RESULT``) is without the text of the library, which may quote the header.
    """
    return refused_as("E_RESULT", _say_broken("a value of the header cannot be taken over"))


def _say_broken(what: str) -> str:
    return f"the result would break the rules of DICOM: {what}; mend the source."


def hash_content(dataset: Dataset) -> str:
    """Hexadecimal SHA-256 of all that an object says, without `TIME_KEYWORDS` at any depth and without file meta."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, _without_times(dataset))
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _without_times(dataset: Dataset) -> Dataset:
    kept = Dataset()
    for element in dataset:
        if element.tag in TIME_TAGS:
            continue
        if element.VR == "SQ":
            element = DataElement(element.tag, "SQ", [_without_times(item) for item in element.value])
        kept.add(element)
    return kept


def _encode(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    with header_refused():
        dcmwrite(buffer, dataset, enforce_file_format=True)
    if malformed := find_malformed_keywords(dcmread(BytesIO(buffer.getvalue()))):
        raise InputRefusedError("E_RESULT", _say_broken(f"{', '.join(malformed)} would be malformed"))
    return buffer.getvalue()


def _read_if_dicom(path: Path) -> Dataset | None:
    try:
        standing = dcmread(path)
        hash_content(standing)
    except OSError:
        raise
    except Exception:  # pydicom raises whatever the damage leads it to
        return None
    return standing if "SOPInstanceUID" in standing else None


def _reads_the_same_pixels(dataset: Dataset, path: Path) -> bool:
    if not isinstance(dataset, hd.seg.Segmentation):
        return True
    return np.array_equal(_read_pixels_through_reference(hd.seg.segread(path)), _read_pixels_through_reference(dataset))


def _read_pixels_through_reference(segmentation: hd.seg.Segmentation) -> np.ndarray:
    """Stored values, found through the reference to the source image: a plane a segment, or segment numbers."""
    _, _, instance = segmentation.get_source_image_uids()[0]
    numbers = segmentation.SegmentationType == "LABELMAP"
    return segmentation.get_pixels_by_source_instance([instance], rescale_fractional=False, combine_segments=numbers)
