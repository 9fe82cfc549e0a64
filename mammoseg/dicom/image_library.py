"""How a mammogram was taken, as content items of its entry in the library of a report; PS3.16 TID 1602 and 4020."""

import highdicom as hd
from pydicom.valuerep import DA

from mammoseg.dicom import codes
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.attributes import read_laterality, read_pixel_spacing, read_view
from mammoseg.dicom.source_header import find_patient_orientation

CONTEXT = "HAS ACQ CONTEXT"


def build_acquisition_context(analysis: Analysis) -> list[hd.sr.ContentItem]:
    """Side, view, Patient Orientation, Study Date and pixel spacing as in the header, each where it is known."""
    source = analysis.source
    side, projection, orientation = read_laterality(source), read_view(source), find_patient_orientation(source)
    spacing, _ = read_pixel_spacing(source)
    context: list[hd.sr.ContentItem] = []
    if side is not None:
        context.append(hd.sr.CodeContentItem(codes.IMAGE_LATERALITY, codes.SIDE[side], CONTEXT))
    if projection is not None:
        context.append(hd.sr.CodeContentItem(codes.IMAGE_VIEW, codes.VIEW[projection], CONTEXT))
    if orientation:
        names = (codes.PATIENT_ORIENTATION_ROW, codes.PATIENT_ORIENTATION_COLUMN)
        context += [hd.sr.TextContentItem(*pair, CONTEXT) for pair in zip(names, orientation, strict=True)]
    if date := analysis.header.StudyDate:
        context.append(hd.sr.DateContentItem(codes.STUDY_DATE, DA(date), CONTEXT))
    if spacing is not None:
        names = (codes.VERTICAL_PIXEL_SPACING, codes.HORIZONTAL_PIXEL_SPACING)
        context += [
            hd.sr.NumContentItem(name, side_mm, codes.MILLIMETRE, relationship_type=CONTEXT)
            for name, side_mm in zip(names, spacing, strict=True)
        ]
    return context
