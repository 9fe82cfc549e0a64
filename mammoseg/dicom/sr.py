"""Measurement report of one mammogram: a DICOM Structured Report after TID 1500, tied to the segmentation.

PS3.16 TID 1500 (Measurement Report), TID 1410 (Planar ROI), PS3.3 A.35.3 (Comprehensive SR IOD); built with highdicom.
"""

from collections.abc import Sequence
from typing import Any

import highdicom as hd
import numpy as np
from highdicom.sr import CodedConcept, ContentSequence
from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import ComprehensiveSRStorage

from mammoseg import __version__
from mammoseg.dicom import codes
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.analysis import Analysis, derive_uid
from mammoseg.dicom.attributes import list_remarks, read_laterality
from mammoseg.dicom.image_library import build_acquisition_context
from mammoseg.dicom.measure import Measurement, measure, outline, read_scale
from mammoseg.dicom.object_attributes import DRAWN, MANUFACTURER, UNVERIFIED
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.sr_document import build_document

SERIES_NUMBER = 20_000
"""First Series Number of measurement reports: behind the segmentations."""

DECIMALS = {"mm": 2, "pixel": 1, "%": 1}
"""Digits after the point of an axis in mm, an axis in pixels, a percentage; areas have those of mm."""

UNITS = {
    "mm": (codes.MILLIMETRE, codes.SQUARE_MILLIMETRE),
    "pixel": (codes.PIXELS, codes.PIXELS),
}
"""Unit of a length and of an area."""


@no_header_values_in_warnings()
def build_report(analysis: Analysis, segmentation: hd.seg.Segmentation | None = None) -> Dataset:
    """Build the measurement report of one mammogram: one measurement group a lesion, or an explicit "Mass: Absent".

    Values are rounded half to even to `DECIMALS` and are in mm only where the image has an honest spacing; a comment
    says which, or that there is none.

    Args:
        segmentation: SEG of the same analysis. A lesion that it holds (by Tracking UID) is referred to as its segment,
            any
            other is drawn as an outline.
    """
    return build_document(
        analysis,
        _build_report(analysis, segmentation),
        title=codes.IMAGING_MEASUREMENT_REPORT,
        template="1500",
        sop_class=ComprehensiveSRStorage,
        first_series_number=SERIES_NUMBER,
        content="Mass measurements",
        segmentation=segmentation,
    )


def _build_report(analysis: Analysis, segmentation: hd.seg.Segmentation | None) -> list[Dataset]:
    """Rows of TID 1500."""
    groups = [
        _build_measurement_group(analysis, name, lesion, segmentation) for name, lesion in analysis.name_lesions()
    ]
    return [
        *hd.sr.LanguageOfContentItemAndDescendants(CodedConcept("en", "RFC5646", "English")),
        *_build_observation_context(analysis),
        hd.sr.CodeContentItem(codes.PROCEDURE_REPORTED, codes.MAMMOGRAPHY, "HAS CONCEPT MOD"),
        _build_container(
            codes.IMAGE_LIBRARY, [_build_container(codes.IMAGE_LIBRARY_GROUP, [_build_library_entry(analysis)])]
        ),
        *([_build_container(codes.IMAGING_MEASUREMENTS, groups)] if groups else []),
        _build_container(codes.QUALITATIVE_EVALUATIONS, _build_evaluations(analysis)),
    ]


def _build_observation_context(analysis: Analysis) -> hd.sr.ObservationContext:
    """The device that measured, TID 1001 and 1004."""
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=derive_uid(*analysis.author, __version__, "device"),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=MANUFACTURER,
        serial_number=__version__,
    )
    return hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=CodedConcept.from_code(codes.DEVICE), observer_identifying_attributes=device
        )
    )


def _build_library_entry(analysis: Analysis) -> Dataset:
    """The mammogram and how it was taken, TID 1601: what a report is about that finds nothing."""
    source = analysis.source
    image = hd.sr.ImageContentItem(
        codes.SOURCE, source.SOPClassUID, source.SOPInstanceUID, relationship_type="CONTAINS"
    )
    modality = (
        [hd.sr.CodeContentItem(codes.MODALITY, codes.MG, "HAS ACQ CONTEXT")] if source.get("Modality") == "MG" else []
    )
    if context := [*modality, *build_acquisition_context(analysis)]:
        image.ContentSequence = ContentSequence(context)
    return image


def _build_evaluations(analysis: Analysis) -> list[Dataset]:
    """What holds for the image as a whole, TID 1500 rows 12 to 14."""
    scale = read_scale(analysis.source)
    comments = [
        f"{DRAWN}; research only" if analysis.algorithm is None else UNVERIFIED,
        *([analysis.algorithm.warning] if analysis.algorithm and analysis.algorithm.warning else []),
        *(f"The image: {remark}" for remark in list_remarks(analysis.source)),
        str(scale) if scale else "Pixel size unknown: axes and areas are in pixels, as if these were square",
        *_build_score_comment(analysis),
    ]
    return [
        *([] if analysis.algorithm is None or analysis.lesions else _build_algorithm(analysis.algorithm)),
        hd.sr.CodeContentItem(codes.MASS, codes.PRESENT if analysis.lesions else codes.ABSENT, "CONTAINS"),
        *(hd.sr.TextContentItem(codes.COMMENT, comment, "CONTAINS") for comment in comments),
    ]


def _build_score_comment(analysis: Analysis) -> list[str]:
    """What Certainty of Finding is, where there is one."""
    if analysis.algorithm is None or analysis.probability is None or not analysis.lesions:
        return []
    return [f"Certainty of Finding: {analysis.algorithm.score_meaning}"]


def _build_measurement_group(
    analysis: Analysis, name: str, lesion: np.ndarray, segmentation: hd.seg.Segmentation | None
) -> Dataset:
    """One lesion, TID 1410."""
    side = read_laterality(analysis.source)
    tracking_uid = analysis.derive_tracking_uid(lesion)
    segment = _find_segment(analysis, segmentation, tracking_uid)
    group = hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(tracking_uid, name),
        referenced_segment=segment,
        referenced_region=_build_outline(analysis, lesion) if segment is None else None,
        finding_category=codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
        finding_type=codes.MASS,
        finding_sites=[hd.sr.FindingSite(codes.BREAST, laterality=codes.LATERALITY[side] if side else None)],
        algorithm_id=None if analysis.algorithm is None else _build_algorithm(analysis.algorithm),
        measurements=_build_measurements(measure(lesion, read_scale(analysis.source)), analysis.score(lesion)),
    )
    return group[0]


def _build_measurements(measured: Measurement, score: float | None) -> list[hd.sr.Measurement]:
    """TID 1419."""
    length, area = UNITS[measured.unit]
    digits = DECIMALS[measured.unit]
    items = [
        hd.sr.Measurement(codes.AREA, round(measured.area, DECIMALS["mm"]), area),
        hd.sr.Measurement(codes.LONG_AXIS, round(measured.long_axis, digits), length),
        hd.sr.Measurement(codes.SHORT_AXIS, round(measured.short_axis, digits), length),
    ]
    if score is not None:
        items.append(hd.sr.Measurement(codes.CERTAINTY_OF_FINDING, as_percent(score), codes.PERCENT))
    return items


def as_percent(score: float) -> float:
    """A score 0 to 1 as Certainty of Finding, whose unit is % (TID 4006)."""
    return round(100 * score, DECIMALS["%"])


def _find_segment(
    analysis: Analysis, segmentation: hd.seg.Segmentation | None, tracking_uid: str
) -> hd.sr.ReferencedSegmentationFrame | None:
    """The segment of this Tracking UID, None where no segment has it, as in a map of probabilities."""
    segments = [] if segmentation is None else segmentation.SegmentSequence
    numbers = [int(segment.SegmentNumber) for segment in segments if segment.get("TrackingUID") == tracking_uid]
    if segmentation is None or not numbers:
        return None
    reference = hd.sr.ReferencedSegmentationFrame(
        segmentation.SOPClassUID,
        segmentation.SOPInstanceUID,
        frame_number=1,  # asked for by highdicom
        segment_number=numbers[0],
        source_image=hd.sr.SourceImageForSegmentation(analysis.source.SOPClassUID, analysis.source.SOPInstanceUID),
    )
    # PS3.3 C.18.4: either frames or segments; the segment also finds a lesion in a label map.
    del reference[0].ReferencedSOPSequence[0].ReferencedFrameNumber
    return reference


def _build_outline(analysis: Analysis, lesion: np.ndarray) -> hd.sr.ImageRegion:
    image = hd.sr.SourceImageForRegion(analysis.source.SOPClassUID, analysis.source.SOPInstanceUID)
    return hd.sr.ImageRegion("POLYLINE", outline(lesion)[0], image)


def _build_algorithm(algorithm: Algorithm) -> hd.sr.AlgorithmIdentification:
    """TID 4019."""
    return hd.sr.AlgorithmIdentification(
        algorithm.name,
        algorithm.version,
        parameters=[f"{name}={value}" for name, value in algorithm.parameters.items()],
    )


def _build_container(name: Code, items: Sequence[Any]) -> hd.sr.ContainerContentItem:
    container = hd.sr.ContainerContentItem(name, is_content_continuous=False, relationship_type="CONTAINS")
    container.ContentSequence = ContentSequence(items)
    return container
