"""What a header lacks of the attributes that its class must have."""

import pydicom
import pytest

from mammoseg.dicom.iod import find_incomplete_sequences, find_lacking_attributes
from mammoseg.dicom.seg import SegKind, SegProfile, build_segmentation
from tests.made_analysis import made_analysis


@pytest.fixture
def seg(tmp_path):
    return build_segmentation(made_analysis(tmp_path))


def test_a_mammogram_of_the_phantom_lacks_nothing(tmp_path):
    made_analysis(tmp_path)
    assert find_lacking_attributes(pydicom.dcmread(tmp_path / "source.dcm")) == []


@pytest.mark.parametrize("profile", SegProfile)
@pytest.mark.parametrize("kind", SegKind)
def test_a_segmentation_lacks_nothing(kind, profile, tmp_path):
    assert find_lacking_attributes(build_segmentation(made_analysis(tmp_path), kind=kind, profile=profile)) == []


def test_an_absent_attribute_of_type_1_or_2_is_named(seg):
    del seg.PhotometricInterpretation, seg.PatientID
    assert find_lacking_attributes(seg) == ["PatientID", "PhotometricInterpretation"]


def test_only_type_2_may_be_empty(seg):
    seg.PatientID = seg.Modality = None
    assert find_lacking_attributes(seg) == ["Modality"]


def test_items_of_sequences_are_judged_too(seg):
    del seg.SegmentSequence[1].SegmentLabel
    assert find_lacking_attributes(seg) == ["SegmentSequence.SegmentLabel"]


def test_an_unknown_class_is_an_error(seg):
    seg.SOPClassUID = "1.2.3"
    with pytest.raises(KeyError):
        find_lacking_attributes(seg)


def test_a_sequence_about_the_patient_that_lacks_what_it_must_hold_is_named(tmp_path):
    source = made_analysis(tmp_path).source
    source.OtherPatientIDsSequence = [pydicom.Dataset()]
    source.OtherPatientIDsSequence[0].PatientID = "other"  # without Type of Patient ID
    source.ReferencedStudySequence = []
    assert find_incomplete_sequences(source) == ["OtherPatientIDsSequence"]
