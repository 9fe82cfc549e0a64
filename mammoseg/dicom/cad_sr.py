"""Mammography CAD SR of the masses in one mammogram: the report that mammography workstations read.

PS3.3 A.35.5 (Mammography CAD SR IOD), PS3.16 TID 4000, with the examples of PS3.17 E.3. highdicom has no class for it;
its content items are used and put together here. No tool at hand checks a report against TID 4000, and no workstation
was at hand: that one shows this report is not tried. View modifiers are not carried over.
"""

from collections.abc import Iterable

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import MammographyCADSRStorage

from mammoseg.dicom import codes
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.attributes import read_laterality, read_view
from mammoseg.dicom.image_library import build_acquisition_context
from mammoseg.dicom.measure import measure, outline
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.dicom.sr import as_percent
from mammoseg.dicom.sr_document import build_document
from mammoseg.errors import InputRefusedError

SERIES_NUMBER = 30_000
"""First Series Number of CAD reports: behind the measurement reports."""

IMAGE = [1, 2, 1]
"""Position of the mammogram in the content tree (root, library, image), by which others refer to it; PS3.3 C.17.3."""


@no_header_values_in_warnings()
def build_cad_report(analysis: Analysis) -> Dataset:
    """Build the Mammography CAD SR of one mammogram: one Single Image Finding a lesion, with name, centre and outline.

    Without lesions it says "All algorithms succeeded; without findings". Certainty of Finding is the score of the
    lesion (`Algorithm.score`); Probability of cancer is left out, since no network here was trained for that.

    Raises:
        InputRefusedError: the header does not state side and view, without which TID 4020 has no image.
        ValueError: a person drew the lesions; then there is no algorithm to report.
    """
    if analysis.algorithm is None:
        raise ValueError("a CAD report says what an algorithm found, and a person drew these; write the SR instead.")
    return build_document(
        analysis,
        _build_report(analysis, analysis.algorithm),
        title=codes.MAMMOGRAPHY_CAD_REPORT,
        template="4000",
        sop_class=MammographyCADSRStorage,
        first_series_number=SERIES_NUMBER,
        content="Mammography CAD",
    )


def _build_report(analysis: Analysis, algorithm: Algorithm) -> list[Dataset]:
    """Rows of TID 4000; the library comes second, see `IMAGE`."""
    detection = _build_node(
        hd.sr.CodeContentItem(codes.DETECTION_PERFORMED, codes.DENSITY_OF_MASS, "CONTAINS"),
        [*_build_algorithm(algorithm), _to_image("HAS PROPERTIES")],
    )
    detections = _build_node(_build_container(codes.SUCCESSFUL_DETECTIONS, "INFERRED FROM"), [detection])
    return [
        hd.sr.CodeContentItem(codes.LANGUAGE, Code("en", "RFC5646", "English"), "HAS CONCEPT MOD"),
        _build_node(_build_container(codes.IMAGE_LIBRARY, "CONTAINS"), [_build_library_entry(analysis)]),
        _build_summary(analysis, algorithm),
        _build_node(hd.sr.CodeContentItem(codes.SUMMARY_OF_DETECTIONS, codes.SUCCEEDED, "CONTAINS"), [detections]),
        hd.sr.CodeContentItem(codes.SUMMARY_OF_ANALYSES, codes.NOT_ATTEMPTED, "CONTAINS"),
    ]


def _build_library_entry(analysis: Analysis) -> Dataset:
    """The mammogram and how it was taken, TID 4020."""
    source = analysis.source
    if read_laterality(source) is None or read_view(source) is None:
        raise InputRefusedError("E_ATTRIBUTE", "side or view is not stated; a Mammography CAD SR needs both.")
    image = hd.sr.ImageContentItem(
        codes.SOURCE, source.SOPClassUID, source.SOPInstanceUID, relationship_type="CONTAINS"
    )
    del image.ConceptNameCodeSequence  # TID 4020 row 1 has none
    return _build_node(image, build_acquisition_context(analysis))


def _build_summary(analysis: Analysis, algorithm: Algorithm) -> Dataset:
    """What was found, TID 4001 and 4003."""
    if not analysis.lesions:
        return hd.sr.CodeContentItem(codes.CAD_SUMMARY, codes.WITHOUT_FINDINGS, "CONTAINS")
    intent = hd.sr.CodeContentItem(codes.RENDERING_INTENT, codes.PRESENTATION_OPTIONAL, "HAS CONCEPT MOD")
    finding = hd.sr.CodeContentItem(codes.SINGLE_IMAGE_FINDING, codes.DENSITY_OF_MASS, "CONTAINS")
    impressions = [
        _build_node(
            _build_container(codes.INDIVIDUAL_IMPRESSION, "INFERRED FROM"),
            [intent, _build_node(finding, [intent, *_build_finding(analysis, algorithm, name, lesion)])],
        )
        for name, lesion in analysis.name_lesions()
    ]
    return _build_node(hd.sr.CodeContentItem(codes.CAD_SUMMARY, codes.WITH_FINDINGS, "CONTAINS"), impressions)


def _build_finding(analysis: Analysis, algorithm: Algorithm, name: str, lesion: np.ndarray) -> list[Dataset]:
    """Rows of TID 4006, whose order counts: name and UID of the lesion (TID 4108), who found it, what it is like."""
    tracking = hd.sr.TrackingIdentifier(analysis.derive_tracking_uid(lesion), name)
    return [*tracking, *_build_algorithm(algorithm), *_build_properties(analysis, lesion)]


def _build_properties(analysis: Analysis, lesion: np.ndarray) -> list[Dataset]:
    """Certainty, centre and outline of a lesion, TID 4006 and 4021."""
    score = analysis.score(lesion)
    properties = [
        _build_graphic(codes.CENTER, "POINT", np.array([measure(lesion, None).centre])),
        _build_graphic(codes.OUTLINE, "POLYLINE", outline(lesion)[0]),
    ]
    if score is not None:
        certainty = _build_number(codes.CERTAINTY_OF_FINDING, as_percent(score), codes.PERCENT, "HAS PROPERTIES")
        properties.insert(0, certainty)
    return properties


def _build_algorithm(algorithm: Algorithm) -> list[Dataset]:
    """TID 4019, with the relationship that the CAD templates give it."""
    texts = [
        (codes.ALGORITHM_NAME, algorithm.name),
        (codes.ALGORITHM_VERSION, algorithm.version),
        *((codes.ALGORITHM_PARAMETERS, f"{name}={value}") for name, value in algorithm.parameters.items()),
    ]
    return [hd.sr.TextContentItem(name, text, "HAS PROPERTIES") for name, text in texts]


def _build_graphic(name: Code, graphic_type: str, points: np.ndarray) -> Dataset:
    item = hd.sr.ScoordContentItem(name, graphic_type, points, relationship_type="HAS PROPERTIES")
    return _build_node(item, [_to_image("SELECTED FROM")])


def _to_image(relationship: str) -> Dataset:
    """Relationship by reference to the mammogram in the library."""
    reference = Dataset()
    reference.RelationshipType = relationship
    reference.ReferencedContentItemIdentifier = IMAGE
    return reference


def _build_number(name: Code, value: float, unit: Code, relationship: str) -> hd.sr.ContentItem:
    return hd.sr.NumContentItem(name, value, unit, relationship_type=relationship)


def _build_container(name: Code, relationship: str) -> hd.sr.ContentItem:
    return hd.sr.ContainerContentItem(name, is_content_continuous=False, relationship_type=relationship)


def _build_node(item: Dataset, children: Iterable[Dataset]) -> Dataset:
    """Copy of a content item with children, as a plain data set: highdicom's take no children by reference."""
    node = Dataset()
    node.update(item)
    node.ContentSequence = list(children)
    return node
