"""Grayscale Softcopy Presentation State (GSPS): outlines that a viewer draws on the mammogram itself, PS3.3 A.33.1."""

import copy
from collections.abc import Iterator

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DA, TM

from mammoseg.dicom.algorithm import ONLY_IN_BOXES
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.attributes import read_laterality
from mammoseg.dicom.grey import compute_modality_values, list_voi_functions
from mammoseg.dicom.lut import Table
from mammoseg.dicom.measure import outline
from mammoseg.dicom.object_attributes import (
    DRAWN,
    OUTLINE_COLOUR,
    build_equipment_attributes,
    build_series_attributes,
    stamp,
)
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.overlay import WARNING

SERIES_NUMBER = 50_000
"""First Series Number of presentation states: behind the pictures."""

SENTENCE_BOX = (0.02, 0.94, 0.6, 0.99)
"""Left, top, right, bottom of the sentence that says by whom, as fractions of the displayed area."""

LINE_ABOVE = (0.02, 0.89, 0.6, 0.94)
"""The same of the sentence that only boxes were looked at."""

WINDOW_KEYWORDS = ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation")


@no_header_values_in_warnings()
def build_presentation_state(analysis: Analysis) -> hd.pr.GrayscaleSoftcopyPresentationState:
    """Build the presentation state of one mammogram: the greys of the source, each lesion outlined and numbered.

    Positions are in PIXEL units: (column, row), 0\\0 the top left corner of the image (PS3.3 C.10.5.1.2). UIDs follow
    from the source, the algorithm and the lesions.
    """
    when, drawn = analysis.when, analysis.algorithm is None
    header = copy.deepcopy(analysis.header)
    header.SpecificCharacterSet = "ISO_IR 192"  # highdicom takes none of several values
    instance = analysis.derive_instance_uid("PR", b"".join(np.packbits(mask).tobytes() for mask in analysis.lesions))
    voi = _build_first_voi(analysis.source)
    for keyword in (*WINDOW_KEYWORDS, "VOILUTFunction", "VOILUTSequence"):
        header.pop(keyword, None)  # highdicom stops where there are both a window and a table
    layer = hd.pr.GraphicLayer("MASSES", order=1, description="Outlines of masses", display_color=OUTLINE_COLOUR)
    annotation = hd.pr.GraphicAnnotation(
        referenced_images=[header],
        graphic_layer=layer,
        graphic_objects=list(_draw_outlines(analysis)) or None,
        text_objects=[*_draw_names(analysis), *_draw_sentences(analysis)],
    )
    state = hd.pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[header],
        graphic_annotations=[annotation],
        graphic_layers=[layer],
        content_label="MASS_DRAWN" if drawn else "MASS_AI",
        content_description=DRAWN if drawn else WARNING,
        content_creator_name="mammoseg^",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        presentation_lut_transformation=_build_polarity(header),
        **build_series_attributes(analysis, instance, first_number=SERIES_NUMBER, content="Masses, outlines"),
        **build_equipment_attributes(analysis),
    )
    state.Laterality = read_laterality(header) or ""  # Type 2C of General Series, which highdicom leaves out
    if voi is not None:
        state.SoftcopyVOILUTSequence = [voi]
    state.PresentationCreationDate, state.PresentationCreationTime = DA(when.date()), TM(when.time())
    stamp(state, analysis)
    return state


def _draw_outlines(analysis: Analysis) -> Iterator[hd.pr.GraphicObject]:
    for name, lesion in analysis.name_lesions():
        for polygon in outline(lesion):
            yield hd.pr.GraphicObject(
                graphic_type="POLYLINE",
                graphic_data=polygon,
                units="PIXEL",
                tracking_id=name,
                tracking_uid=analysis.derive_tracking_uid(lesion),
            )


def _draw_names(analysis: Analysis) -> Iterator[hd.pr.TextObject]:
    for name, lesion in analysis.name_lesions():
        right_most = max(outline(lesion)[0], key=lambda point: point[0])
        yield hd.pr.TextObject(
            text_value=name,
            units="PIXEL",
            anchor_point=tuple(right_most),
            anchor_point_visible=False,
            tracking_id=name,
            tracking_uid=analysis.derive_tracking_uid(lesion),
        )


def _draw_sentences(analysis: Analysis) -> Iterator[hd.pr.TextObject]:
    author = DRAWN if analysis.algorithm is None else WARNING
    text = author if analysis.lesions else f"{author}: no mass found"
    yield _draw_line(text, SENTENCE_BOX)
    if analysis.algorithm is not None and analysis.algorithm.boxes:
        yield _draw_line(ONLY_IN_BOXES, LINE_ABOVE)


def _draw_line(text: str, place: tuple[float, float, float, float]) -> hd.pr.TextObject:
    return hd.pr.TextObject(text_value=text, units="DISPLAY", bounding_box=place, text_justification="LEFT")


def _build_polarity(header: Dataset) -> hd.PresentationLUTTransformation:
    """Here, not in Photometric Interpretation, it is decided whether low values are white; PS3.3 C.11.6.1.2."""
    shape = "INVERSE" if header.get("PhotometricInterpretation") == "MONOCHROME1" else "IDENTITY"
    return hd.PresentationLUTTransformation(presentation_lut_shape=shape)


def _build_first_voi(source: Dataset) -> Dataset | None:
    """Item of Softcopy VOI LUT Sequence with what `mammoseg.dicom.grey` applies: the first table, else a window."""
    functions = list_voi_functions(source, is_signed=compute_modality_values(source)[1][0] < 0)
    if not functions:
        return None
    item = Dataset()
    if isinstance(functions[0], Table):
        item.VOILUTSequence = [_as_table_of_16_bits(functions[0])]
    else:
        item.WindowCenter, item.WindowWidth, item.VOILUTFunction = functions[0]
    return item


def _as_table_of_16_bits(table: Table) -> Dataset:
    """The same table with entries of 16 bits: an image may have 8 to 16, a presentation state 8 or 16 (C.11.2.1.1)."""
    stretched = np.round(table.entries * (65535 / (2**table.bits - 1)))
    return hd.VOILUT(first_mapped_value=table.first, lut_data=np.clip(stretched, 0, 65535).astype(np.uint16))
