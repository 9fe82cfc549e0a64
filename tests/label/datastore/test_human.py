"""Which segmentation is a person's label of which image."""

from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.sr.coding import Code

from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.read import read_dicom_mask
from mammoseg.dicom.seg import SegKind, build_segmentation
from mammoseg.dicom.write import write_object
from monailabel_app.lib.datastore.human import find_human_label
from monailabel_app.lib.datastore.segmentation import read_drawn
from tests.made_analysis import ALGORITHM, made_analysis, made_lesions

OLDER_CODE_OF_MASS = Code("M-03000", "SRT", "Mass")


@pytest.fixture(params=[SegKind.BINARY, SegKind.LABELMAP], ids=lambda kind: kind.value)
def drawn(tmp_path: Path, request: pytest.FixtureRequest) -> pydicom.Dataset:
    """A segmentation of two masses by a person."""
    write_object(build_segmentation(made_analysis(tmp_path, algorithm=None), kind=request.param), tmp_path / "seg.dcm")
    return pydicom.dcmread(tmp_path / "seg.dcm")


def test_what_a_person_drew_counts_for_the_image_it_derives_from(drawn, tmp_path):
    label = find_human_label(drawn)
    assert label is not None
    assert label.image_id == pydicom.dcmread(tmp_path / "source.dcm").SOPInstanceUID
    assert (label.label_id, label.segments, label.shape) == (drawn.SOPInstanceUID, (1, 2), (40, 30))
    assert label.seconds == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc).timestamp()


def test_a_category_counts_where_it_is_called_one(drawn, tmp_path):
    *_, first, second = drawn.SegmentSequence
    first.SegmentDescription, second.SegmentDescription = "2", "BI-RADS 4A"  # the first may be its number
    drawn.save_as(tmp_path / "described.dcm")
    assert [mass.assessment for mass in read_drawn(tmp_path / "described.dcm")] == ["", "4A"]


def test_what_a_model_drew_never_counts(tmp_path):
    assert find_human_label(build_segmentation(made_analysis(tmp_path, algorithm=ALGORITHM))) is None


def test_of_a_mixed_segmentation_only_masses_that_a_person_drew_count(drawn, tmp_path):
    *_, first, second = drawn.SegmentSequence  # a LABELMAP has the background before them
    first.SegmentAlgorithmType, second.SegmentAlgorithmType = "AUTOMATIC", "SEMIAUTOMATIC"
    drawn.save_as(tmp_path / "mixed.dcm")
    label = find_human_label(drawn)
    assert label is not None and label.segments == (2,)
    mask = read_dicom_mask(tmp_path / "mixed.dcm", segments=label.segments)
    assert np.array_equal(mask, made_lesions()[1])
    assert np.array_equal(read_dicom_mask(tmp_path / "mixed.dcm"), np.any(made_lesions(), axis=0))


def test_the_older_snomed_code_of_mass_counts_too(drawn):
    for segment in drawn.SegmentSequence:
        (kind,) = segment.SegmentedPropertyTypeCodeSequence
        kind.CodeValue, kind.CodingSchemeDesignator = OLDER_CODE_OF_MASS.value, OLDER_CODE_OF_MASS.scheme_designator
    assert find_human_label(drawn) is not None


def refer_to_two(dataset: Dataset) -> None:
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    sources = groups[0].DerivationImageSequence[0].SourceImageSequence
    other = Dataset()
    other.ReferencedSOPInstanceUID = "1.2.3"
    sources.append(other)


SPOILED = {
    "another thing": lambda seg: [
        setattr(segment.SegmentedPropertyTypeCodeSequence[0], "CodeValue", "1") for segment in seg.SegmentSequence
    ],
    "two images": refer_to_two,
    "no segments": lambda seg: delattr(seg, "SegmentSequence"),
    "no code": lambda seg: [delattr(item, "SegmentedPropertyTypeCodeSequence") for item in seg.SegmentSequence],
    "no algorithm type": lambda seg: [delattr(segment, "SegmentAlgorithmType") for segment in seg.SegmentSequence],
    "an unknown class": lambda seg: setattr(seg, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"),
    "no rows": lambda seg: delattr(seg, "Rows"),
    "a UID that is a path": lambda seg: seg.__setattr__("SOPInstanceUID", "../x"),
    "a zone of nonsense": lambda seg: setattr(seg, "TimezoneOffsetFromUTC", "nonsense"),
}


@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # which it writes on purpose
@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_what_does_not_say_so_does_not_count(drawn, spoil):
    spoil(drawn)
    assert find_human_label(drawn) is None


def test_without_a_date_it_is_older_than_all_others(drawn):
    for keyword in ("ContentDate", "ContentTime", "InstanceCreationDate", "InstanceCreationTime"):
        delattr(drawn, keyword)
    label = find_human_label(drawn)
    assert label is not None and label.seconds == 0


def test_an_empty_one_counts(tmp_path):
    source = made_analysis(tmp_path).source
    label = find_human_label(build_segmentation(Analysis(source, [], None, datetime.now(timezone.utc))))
    assert label is not None and label.segments == (1,)
