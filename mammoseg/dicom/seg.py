"""DICOM Segmentation (SEG) of the masses in one mammogram, on the pixel grid of the mammogram.

PS3.3 A.51 (Segmentation IOD); built with highdicom (Bridge et al. 2022, doi:10.1007/s10278-022-00683-y).
"""

from enum import Enum

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from mammoseg.dicom import codes
from mammoseg.dicom.attributes import laterality
from mammoseg.dicom.derived import (
    Analysis,
    algorithm_identification,
    derive_uid,
    equipment_attributes,
    patient_orientation,
    source_header,
    stamp,
)
from mammoseg.dicom.quiet import no_header_values_in_warnings

UNKNOWN_SPACING_MM = 1.0
"""Pixel size that the viewer profile states, and says it states, when the source has none."""

SERIES_NUMBER = 1000
"""Series Number of every segmentation: behind the acquired series of a study."""


class SegProfile(Enum):
    """How much geometry a segmentation of an image without Frame of Reference states.

    A mammogram has no position in space. ``STRICT`` says no more than that. ``VIEWER`` states a plane of its own in a
    Frame of Reference that no other image has, which OHIF, dcmqi, 3D Slicer and ``get_volume`` need.
    """

    VIEWER = "viewer"
    STRICT = "strict"


class SegKind(Enum):
    """What the pixels hold: lesions that may overlap, or the probability map in steps of 1/255."""

    BINARY = "BINARY"
    FRACTIONAL = "FRACTIONAL"


@no_header_values_in_warnings()
def build_segmentation(
    analysis: Analysis, *, kind: SegKind = SegKind.BINARY, profile: SegProfile = SegProfile.VIEWER
) -> hd.seg.Segmentation:
    """Build the segmentation of one mammogram.

    UIDs follow from the source, the algorithm, kind, profile and mask: the same run twice gives the same instance, and
    with the same time the same bytes.

    Args:
        kind: BINARY has one segment a lesion, or one all-zero frame when there is none; FRACTIONAL has one segment
            with the whole probability map.
        profile: see `SegProfile`.

    Raises:
        ValueError: FRACTIONAL, and the analysis has no probability.
    """
    source = analysis.source
    pixels = _stack_lesions(analysis) if kind is SegKind.BINARY else _probability(analysis)
    what = f"{kind.value} {profile.value}"
    instance = analysis.instance_uid(what, pixels.tobytes())
    when, drawn = analysis.when, analysis.algorithm is None
    segmentation = hd.seg.Segmentation(
        source_images=[_header_with_plane(source, profile)],
        pixel_array=pixels[np.newaxis],  # (1, Rows, Columns, segments)
        segmentation_type=kind.value,
        segment_descriptions=[
            _describe_segment(number, pixels[..., number - 1], analysis) for number in range(1, pixels.shape[-1] + 1)
        ],
        # Two of a study share no series, since a series has one Frame of Reference (PS3.3 C.7.4.1).
        series_instance_uid=derive_uid(instance, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=instance,
        instance_number=1,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set="ISO_IR 192",  # highdicom refuses several at once, as Japanese files have
        omit_empty_frames=False,
        content_label="MASS_DRAWN" if drawn else "MASS_AI",
        content_description=_content_description(analysis, profile),
        content_creator_name="mammoseg^",
        series_description="Masses, drawn" if drawn else "Masses (AI, unverified, not for diagnosis)",
        content_date=when.date(),
        content_time=when.time(),
        series_date=when.date(),
        series_time=when.time(),
        **equipment_attributes(analysis),
    )
    segmentation.PatientOrientation = patient_orientation(source)
    stamp(segmentation, when)
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = derive_uid(instance, "dimensions")
    return segmentation


def _stack_lesions(analysis: Analysis) -> np.ndarray:
    """Stack to uint8 ``(Rows, Columns, segments)``; no lesion gives one empty segment."""
    if len(analysis.lesions) == 0:
        return np.zeros((*analysis.shape, 1), np.uint8)
    return np.stack(analysis.lesions, axis=-1).astype(np.uint8)


def _probability(analysis: Analysis) -> np.ndarray:
    """float32 ``(Rows, Columns, 1)``."""
    if analysis.probability is None:
        raise ValueError("FRACTIONAL needs a probability map, and the analysis has none; write it as BINARY.")
    return analysis.probability.astype(np.float32)[..., np.newaxis]


def _header_with_plane(source: Dataset, profile: SegProfile) -> Dataset:
    """The header that highdicom takes, with the plane that `profile` states."""
    header = source_header(source)
    if profile is SegProfile.VIEWER and "ImagePositionPatient" not in header:
        own = header.get("FrameOfReferenceUID")
        header.FrameOfReferenceUID = own or derive_uid(str(source.SOPInstanceUID), "frame of reference")
        header.ImagePositionPatient = [0, 0, 0]
        header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        header.PixelSpacing = _stated_spacing(source) or [UNKNOWN_SPACING_MM, UNKNOWN_SPACING_MM]
        header.SliceThickness = 1
    return header


def _stated_spacing(source: Dataset) -> list[float] | None:
    """(row, column) in mm by which viewers lay out the source: not divided by magnification, so that both coincide."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = source.get(keyword)
        if spacing and len(spacing) == 2 and min(spacing) > 0:
            return list(spacing)
    return None


def _content_description(analysis: Analysis, profile: SegProfile) -> str:
    author = "Drawn by a person" if analysis.algorithm is None else "AI, not for diagnosis"
    if profile is SegProfile.VIEWER and _stated_spacing(analysis.source) is None:
        return f"{author}; pixel size unknown, stated as 1 mm"
    return author


def _describe_segment(number: int, pixels: np.ndarray, analysis: Analysis) -> hd.seg.SegmentDescription:
    algorithm = analysis.algorithm
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"Mass {number}",
        segmented_property_category=codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
        segmented_property_type=codes.MASS,
        algorithm_type="MANUAL" if algorithm is None else "AUTOMATIC",
        algorithm_identification=None if algorithm is None else algorithm_identification(algorithm),
        tracking_uid=analysis.tracking_uid(pixels > 0),
        tracking_id=analysis.tracking_id(pixels > 0),
        anatomic_regions=[codes.BREAST],
    )
    if side := laterality(analysis.source):
        modifier = hd.sr.CodedConcept.from_code(codes.LATERALITY[side])
        description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [modifier]
    return description
