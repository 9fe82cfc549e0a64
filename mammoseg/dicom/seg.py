"""DICOM Segmentation (SEG) of the masses in one mammogram, on the pixel grid of the mammogram.

PS3.3 A.51 (Segmentation IOD); built with highdicom (Bridge et al. 2022, doi:10.1007/s10278-022-00683-y).
"""

import copy
import math
from collections.abc import Callable
from enum import Enum

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless

from mammoseg.dicom import codes
from mammoseg.dicom.analysis import Analysis, derive_uid
from mammoseg.dicom.attributes import read_laterality, read_numbers
from mammoseg.dicom.object_attributes import (
    DRAWN,
    OUTLINE_COLOUR,
    build_algorithm_identification,
    build_equipment_attributes,
    build_series_attributes,
    stamp,
)
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.source_header import find_patient_orientation
from mammoseg.overlay import WARNING

UNKNOWN_SPACING_MM = 1.0
"""Pixel size that the viewer profile states, and says it states, when the source has none."""

PLANE_KEYWORDS = (
    "FrameOfReferenceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
)
"""What a plane in space takes; of a source that states only some of it, the Frame of Reference is kept."""

SERIES_NUMBER = 10_000
"""First Series Number of segmentations: behind the acquired series of a study."""


class SegProfile(Enum):
    """How much geometry a segmentation of an image without Frame of Reference states.

    A mammogram has no position in space. ``STRICT`` says no more than that. ``VIEWER`` states a plane of its own in a
    Frame of Reference that no other image has, which OHIF, dcmqi, 3D Slicer and ``get_volume`` need.
    """

    VIEWER = "viewer"
    STRICT = "strict"


class SegKind(Enum):
    """What the pixels hold, PS3.3 C.8.20.2.

    ``BINARY`` has a bit plane a lesion, so lesions may overlap; ``LABELMAP`` has one plane of segment numbers and a SOP
    class of its own, which fewer readers know; ``FRACTIONAL`` is the probability map in steps of 1/255.
    """

    BINARY = "BINARY"
    FRACTIONAL = "FRACTIONAL"
    LABELMAP = "LABELMAP"


@no_header_values_in_warnings()
def build_segmentation(
    analysis: Analysis,
    *,
    kind: SegKind = SegKind.BINARY,
    profile: SegProfile = SegProfile.VIEWER,
    deflated: bool = False,
) -> hd.seg.Segmentation:
    """Build the segmentation of one mammogram.

    UIDs follow from the source, the algorithm, kind, profile and mask: the same run twice gives the same instance, and
    with the same time the same bytes.

    Args:
        kind: BINARY and LABELMAP have one segment a lesion, or one without pixels when there is none; FRACTIONAL has
            one segment with the whole probability map.
        profile: profile of the object, see `SegProfile`.
        deflated: writes it in Deflated Explicit VR, a hundredth of the bytes of BINARY, which not every program
            opens; otherwise BINARY is not compressed, since its frames of 1 bit cannot be, and the others are RLE
            Lossless.

    Raises:
        ValueError: FRACTIONAL, and the analysis has no probability; LABELMAP, and lesions overlap.

    Examples:
        >>> from datetime import datetime, timezone
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from mammoseg.data.phantom_dicom import write_mammogram
        >>> from mammoseg.dicom.analysis import Analysis
        >>> from mammoseg.dicom.seg import build_segmentation
        >>> source = write_mammogram(Path("left_cc.dcm"), np.arange(1200).reshape(40, 30))
        >>> lesion = np.zeros((40, 30), bool)
        >>> lesion[10:15, 5:9] = True
        >>> analysis = Analysis(source, [lesion], None, datetime(2026, 1, 2, tzinfo=timezone.utc))
        >>> segmentation = build_segmentation(analysis)
        >>> segmentation.Modality, int(segmentation.NumberOfFrames), int(segmentation.pixel_array.sum())
        ('SEG', 1, 20)
    """
    source = analysis.source
    planes = PLANES[kind](analysis)
    instance = analysis.derive_instance_uid(f"{kind.value} {profile.value}", planes.tobytes())
    when, drawn = analysis.when, analysis.algorithm is None
    segmentation = hd.seg.Segmentation(
        source_images=[_build_header_with_plane(analysis, profile)],
        # A view, not a copy: highdicom counts overlaps along the last axis, quick only where that is the outermost one.
        pixel_array=planes if kind is SegKind.LABELMAP else np.moveaxis(planes, 0, -1)[np.newaxis],
        segmentation_type=kind.value,
        segment_descriptions=_describe_segments(analysis, kind),
        transfer_syntax_uid=ExplicitVRLittleEndian if deflated or kind is SegKind.BINARY else RLELossless,
        specific_character_set="ISO_IR 192",  # highdicom refuses several at once, as Japanese files have
        omit_empty_frames=False,
        content_label="MASS_DRAWN" if drawn else "MASS_AI",
        content_description=_describe_content(analysis, profile),
        content_creator_name="mammoseg^",
        content_date=when.date(),
        content_time=when.time(),
        series_date=when.date(),
        series_time=when.time(),
        **build_series_attributes(analysis, instance, first_number=SERIES_NUMBER, content="Masses"),
        **build_equipment_attributes(analysis),
    )
    if deflated:
        segmentation.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    segmentation.PatientOrientation = find_patient_orientation(source)
    segmentation.BodyPartExamined = "BREAST"
    if side := read_laterality(source):
        segmentation.ImageLaterality = side
    stamp(segmentation, analysis)
    if kind is SegKind.LABELMAP:
        # OHIF 3.12 gives each segment the colour of the one before; the background itself, number 0, is never drawn.
        background, *masses = segmentation.SegmentSequence
        background.RecommendedDisplayCIELabValue = masses[0].RecommendedDisplayCIELabValue
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = derive_uid(instance, "dimensions")
    return segmentation


def _build_bit_planes(analysis: Analysis) -> np.ndarray:
    """uint8 ``(segments, Rows, Columns)``; no lesion gives one empty segment."""
    if len(analysis.lesions) == 0:
        return np.zeros((1, *analysis.shape), np.uint8)
    return np.stack(analysis.lesions).view(np.uint8)


def _build_label_plane(analysis: Analysis) -> np.ndarray:
    """Segment numbers ``(1, Rows, Columns)``, 0 is background."""
    labels = np.zeros((1, *analysis.shape), np.min_scalar_type(len(analysis.lesions)))
    for number, lesion in enumerate(analysis.lesions, start=1):
        if shared := np.count_nonzero(labels[0, lesion]):
            raise ValueError(
                f"lesion {number} shares {shared} pixels with others, LABELMAP holds one lesion a pixel; write BINARY."
            )
        labels[0, lesion] = number
    return labels


def _build_probability_plane(analysis: Analysis) -> np.ndarray:
    """float32 ``(1, Rows, Columns)``."""
    if analysis.probability is None:
        raise ValueError("FRACTIONAL needs a probability map, and the analysis has none; write it as BINARY.")
    return analysis.probability.astype(np.float32)[np.newaxis]


PLANES: dict[SegKind, Callable[[Analysis], np.ndarray]] = {
    SegKind.BINARY: _build_bit_planes,
    SegKind.FRACTIONAL: _build_probability_plane,
    SegKind.LABELMAP: _build_label_plane,
}


def _build_header_with_plane(analysis: Analysis, profile: SegProfile) -> Dataset:
    """The header that highdicom takes, with the plane that `profile` states."""
    source, header = analysis.source, analysis.header
    if all(header.get(keyword) for keyword in PLANE_KEYWORDS):
        return header
    header = copy.deepcopy(header)
    for keyword in PLANE_KEYWORDS[1:]:
        header.pop(keyword, None)
    if profile is SegProfile.VIEWER:
        own = header.get("FrameOfReferenceUID")
        header.FrameOfReferenceUID = own or derive_uid(str(source.SOPInstanceUID), "frame of reference")
        header.ImagePositionPatient = [0, 0, 0]
        header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        header.PixelSpacing = _read_stated_spacing(source) or [UNKNOWN_SPACING_MM, UNKNOWN_SPACING_MM]
        header.SliceThickness = 1
    return header


def _read_stated_spacing(source: Dataset) -> list[float] | None:
    """(row, column) in mm by which viewers lay out the source: not divided by magnification, so that both coincide."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = read_numbers(source, keyword)
        if len(spacing) == 2 and all(0 < side < math.inf for side in spacing):
            return spacing
    return None


def _describe_content(analysis: Analysis, profile: SegProfile) -> str:
    if analysis.algorithm is not None:
        author = WARNING
    else:
        author = "Drawn with a model's help" if any(analysis.assisted) else DRAWN
    if profile is SegProfile.VIEWER and _read_stated_spacing(analysis.source) is None:
        return f"{author}; pixel size unknown, stated as 1 mm"
    return author


def _describe_segments(analysis: Analysis, kind: SegKind) -> list[hd.seg.SegmentDescription]:
    if kind is SegKind.FRACTIONAL:
        return [_describe_segment(1, "Probability of mass", analysis)]
    if len(analysis.lesions) == 0:
        return [_describe_segment(1, "No mass found", analysis)]
    return [
        _describe_segment(number, name, analysis, lesion)
        for number, (name, lesion) in enumerate(analysis.name_lesions(), start=1)
    ]


def _describe_segment(
    number: int, label: str, analysis: Analysis, lesion: np.ndarray | None = None
) -> hd.seg.SegmentDescription:
    assistance = analysis.assisted[number - 1] if analysis.assisted else None
    algorithm = analysis.algorithm or assistance
    by_a_person = "MANUAL" if assistance is None else "SEMIAUTOMATIC"
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
        segmented_property_type=codes.MASS,
        algorithm_type=by_a_person if analysis.algorithm is None else "AUTOMATIC",
        algorithm_identification=None if algorithm is None else build_algorithm_identification(algorithm),
        tracking_uid=None if lesion is None else analysis.derive_tracking_uid(lesion),
        tracking_id=None if lesion is None else label,
        anatomic_regions=[codes.BREAST],
        display_color=OUTLINE_COLOUR,  # OHIF warns in the picture of a segment without
    )
    if side := read_laterality(analysis.source):
        modifier = hd.sr.CodedConcept.from_code(codes.LATERALITY[side])
        description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [modifier]
    return description
