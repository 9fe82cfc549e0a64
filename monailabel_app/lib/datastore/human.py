"""Which segmentation counts as a person's label of one mammogram, whoever's tool wrote it.

A person drew (MANUAL) or steered the drawing (SEMIAUTOMATIC) of a mass: Segment Algorithm Type, PS3.3 C.8.20.2. What a
model drew alone (AUTOMATIC) never counts, ours least of all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from pydicom import Dataset
from pydicom.valuerep import DA, TM

from mammoseg.border import passed_over
from mammoseg.dicom.gate import is_uid
from mammoseg.dicom.mask import SEGMENTATION_CLASSES, find_mass_segments, find_referenced_instances
from mammoseg.dicom.quiet import no_header_values_in_warnings

BY_A_PERSON = ("MANUAL", "SEMIAUTOMATIC")


@dataclass(frozen=True)
class HumanLabel:
    """What a segmentation says of a mammogram.

    Attributes:
        label_id: its SOP Instance UID.
        image_id: SOP Instance UID of the one instance that it is about.
        segments: numbers of the segments of mass that a person drew.
        seconds: time of its content, since 1970 in UTC; 0 where it states none.
        shape: number of ``(Rows, Columns)``.
    """

    label_id: str
    image_id: str
    series: str
    segments: tuple[int, ...]
    seconds: float
    shape: tuple[int, int]


@no_header_values_in_warnings()
def find_human_label(header: Dataset) -> HumanLabel | None:
    """Judge a segmentation by its header; None when it does not count, a malformed one among them."""
    with passed_over():
        images = find_referenced_instances(header)
        segments = tuple(_find_drawn_segments(header))
        is_segmentation = header.SOPClassUID in SEGMENTATION_CLASSES and is_uid(header.SOPInstanceUID)
        if not is_segmentation or len(images) != 1 or not segments:
            return None
        shape = int(header.Rows), int(header.Columns)
        return HumanLabel(
            str(header.SOPInstanceUID),
            images.pop(),
            str(header.SeriesInstanceUID),
            segments,
            _read_seconds(header),
            shape,
        )
    return None


def _find_drawn_segments(header: Dataset) -> Iterator[int]:
    for segment in find_mass_segments(header):
        if segment.SegmentAlgorithmType in BY_A_PERSON:
            yield int(segment.SegmentNumber)


def _read_seconds(header: Dataset) -> float:
    """Content Date and Time; where there are none, those of the creation of the instance."""
    for moment in ("Content", "InstanceCreation"):
        date, time = DA(header.get(f"{moment}Date")), TM(header.get(f"{moment}Time"))
        if date and time:
            zone = header.get("TimezoneOffsetFromUTC") or "+0000"
            return datetime.combine(date, time, datetime.strptime(zone, "%z").tzinfo or timezone.utc).timestamp()
    return 0.0
