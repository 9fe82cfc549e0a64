"""A structured report around its content tree: patient, study, series, flags, evidence; PS3.3 C.17."""

import json
from collections.abc import Sequence

import highdicom as hd
from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID

from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.object_attributes import build_equipment_attributes, build_series_attributes, stamp


def build_document(
    analysis: Analysis,
    items: Sequence[Dataset],
    *,
    title: Code,
    template: str,
    sop_class: UID,
    first_series_number: int,
    content: str,
    segmentation: hd.seg.Segmentation | None = None,
) -> Dataset:
    """Build a report that is complete as a document, preliminary and unverified as a finding.

    The UID follows from `items`.

    Args:
        items: content items below the root.
        template: number of the template that the root follows, such as ``"1500"``.
        first_series_number, content: arguments of `build_series_attributes`.
        segmentation: evidence beside the mammogram.
    """
    root = hd.sr.ContainerContentItem(title, is_content_continuous=False, template_id=template)
    root.ContentSequence = hd.sr.ContentSequence([])
    instance = analysis.derive_instance_uid(title.meaning, _as_bytes(items))
    # highdicom copies a content tree twice, which takes as long as all the rest, and takes none with references in it:
    # it makes the document around an empty root.
    report = hd.sr.ComprehensiveSR(
        evidence=[analysis.header] if segmentation is None else [analysis.header, segmentation],
        content=root,
        is_complete=True,
        specific_character_set="ISO_IR 192",
        content_date=analysis.when.date(),
        content_time=analysis.when.time(),
        **build_series_attributes(analysis, instance, first_number=first_series_number, content=content),
        **build_equipment_attributes(analysis),
    )
    stamp(report, analysis)
    document = Dataset(report)
    document.file_meta = report.file_meta
    document.SOPClassUID = document.file_meta.MediaStorageSOPClassUID = sop_class
    document.ContentSequence = list(items)
    return document


def _as_bytes(items: Sequence[Dataset]) -> bytes:
    """All that the items say."""
    return json.dumps([item.to_json_dict() for item in items], default=str).encode()  # pydicom leaves dates as they are
