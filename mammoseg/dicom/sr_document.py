"""A structured report around its content tree: patient, study, series, flags, evidence; PS3.3 C.17."""

import json
from collections.abc import Sequence

import highdicom as hd
from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID

from mammoseg.dicom.derived import Analysis, equipment_attributes, source_header, stamp


def build_document(
    analysis: Analysis,
    items: Sequence[Dataset],
    *,
    title: Code,
    template: str,
    sop_class: UID,
    series_number: int,
    series_description: str,
    segmentation: hd.seg.Segmentation | None = None,
) -> Dataset:
    """Build a report that is complete as a document, preliminary and unverified as a finding.

    The UID follows from `items`. The reports of one author in one study share a series, which states no date.

    Args:
        items: content items below the root.
        template: number of the template that the root follows, such as ``"1500"``.
        segmentation: evidence beside the mammogram.
    """
    root = hd.sr.ContainerContentItem(title, is_content_continuous=False, template_id=template)
    root.ContentSequence = hd.sr.ContentSequence([])
    source = source_header(analysis.source)
    # highdicom copies a content tree twice, which takes as long as all the rest, and takes none with references in it:
    # it makes the document around an empty root.
    report = hd.sr.ComprehensiveSR(
        evidence=[source] if segmentation is None else [source, segmentation],
        content=root,
        series_instance_uid=analysis.series_uid(title.meaning),
        series_number=series_number,
        sop_instance_uid=analysis.instance_uid(title.meaning, _as_bytes(items)),
        instance_number=1,
        is_complete=True,
        specific_character_set="ISO_IR 192",
        series_description=series_description,
        content_date=analysis.when.date(),
        content_time=analysis.when.time(),
        **equipment_attributes(analysis),
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
