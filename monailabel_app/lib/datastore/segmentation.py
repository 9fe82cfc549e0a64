"""The DICOM SEG of what one person drew on one mammogram, and what such a SEG holds."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import get_args

from pydicom import Dataset
from pydicom.uid import UID

from mammoseg.dicom.analysis import Analysis, derive_uid
from mammoseg.dicom.mask import find_mass_segments
from mammoseg.dicom.read import read_header, read_segments
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.write import write_object
from monailabel_app.lib.datastore.masses import Assessment, DrawnMass, check_mass_count
from monailabel_app.lib.datastore.work import Proposal, find_helper

BI_RADS = "BI-RADS "
"""Stands before the assessment in Segment Description."""


def write_drawn(
    target: Path,
    masses: Sequence[DrawnMass],
    image: Path,
    *,
    label_id: str,
    seconds: float,
    user: str = "",
    proposals: Sequence[Proposal] = (),
) -> None:
    """Write the SEG of `masses` to `target`: a segment each, in their order; none says "no mass found".

    Args:
        masses: on the stored grid of `image`.
        label_id: SOP Instance UID: a mask that is drawn again later is another instance.
        seconds: time of the content, since 1970 in UTC.
        user: who drew it; Content Creator's Name.
        proposals: what models had proposed: a mass that shares a pixel with one is SEMIAUTOMATIC, by the last such
            model; the others are MANUAL.

    Raises:
        InputRefusedError: the image's header is not fit to derive from.
    """
    when = datetime.fromtimestamp(seconds, timezone.utc)
    assisted = [find_helper(mass.mask, proposals) for mass in masses]
    analysis = Analysis(read_header(image), [mass.mask for mass in masses], None, when, assisted=assisted)
    segmentation = build_segmentation(analysis)
    for segment, mass in zip(segmentation.SegmentSequence, masses, strict=False):  # none has a segment too
        if mass.assessment:
            segment.SegmentDescription = f"{BI_RADS}{mass.assessment}"
    segmentation.SOPInstanceUID = segmentation.file_meta.MediaStorageSOPInstanceUID = UID(label_id)
    segmentation.SeriesInstanceUID = derive_uid(label_id, "series")
    if name := re.sub(r"[^\w .@-]", " ", user).strip():
        segmentation.ContentCreatorName = name[:64]
    write_object(segmentation, target)


def read_drawn(segmentation: Path, segments: Collection[int] = ()) -> list[DrawnMass]:
    """The masses of a SEG, a segment each; one without a pixel is none.

    Args:
        segments: numbers of those that count; all of mass where there is none.

    Raises:
        InputRefusedError: it cannot be read, or has more than `MOST_MASSES`.
    """
    of_mass = {int(segment.SegmentNumber): segment for segment in find_mass_segments(read_header(segmentation))}
    counting = {number: segment for number, segment in of_mass.items() if not segments or number in segments}
    check_mass_count(len(counting), "segments of mass")
    masks = read_segments(segmentation, list(counting))
    drawn = zip(masks, counting.values(), strict=True)
    return [DrawnMass(mask > 0, _read_assessment(segment)) for mask, segment in drawn if mask.any()]


def _read_assessment(segment: Dataset) -> str:
    said = str(segment.get("SegmentDescription") or "")
    return {f"{BI_RADS}{one}": str(one) for one in get_args(Assessment)}.get(said, "")
