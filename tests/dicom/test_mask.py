"""The masks in a SEG: fused, or each segment by itself."""

import numpy as np
import pydicom
import pytest

from mammoseg.dicom.mask import decode_mask
from mammoseg.dicom.read import read_dicom_mask, read_segments
from mammoseg.dicom.seg import SegKind, build_segmentation
from mammoseg.dicom.write import write_object
from mammoseg.errors import InputRefusedError
from tests.made_analysis import made_analysis, made_lesions


@pytest.mark.parametrize("kind", SegKind, ids=lambda kind: kind.value)
def test_segments_are_read_together_as_each_is_alone(kind, tmp_path):
    path = tmp_path / "seg.dcm"
    write_object(build_segmentation(made_analysis(tmp_path), kind=kind), path)
    numbers = [segment.SegmentNumber for segment in pydicom.dcmread(path).SegmentSequence][-2:]
    together = read_segments(path, numbers)
    assert np.array_equal(together, [read_dicom_mask(path, segments=[number]) for number in numbers])
    whole = np.logical_or.reduce(made_lesions())
    assert np.array_equal(together, [whole] if kind is SegKind.FRACTIONAL else made_lesions())
    assert read_segments(path, []) == []


def test_segments_of_a_segmentation_of_another_image_are_refused(tmp_path):
    write_object(build_segmentation(made_analysis(tmp_path)), tmp_path / "seg.dcm")
    with pytest.raises(InputRefusedError, match="E_SEG_IMAGE"):
        read_segments(tmp_path / "seg.dcm", [1], image_uid="1.2.3")


def test_a_segmentation_whose_class_is_no_uid_is_refused_by_its_attribute(tmp_path):
    write_object(build_segmentation(made_analysis(tmp_path)), tmp_path / "seg.dcm")
    dataset = pydicom.dcmread(tmp_path / "seg.dcm")
    dataset["SOPClassUID"] = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag("SOPClassUID"), "FD", 4, b"abcd", 0, is_implicit_VR=False, is_little_endian=True
    )
    with pytest.raises(InputRefusedError, match="E_ATTRIBUTE: SOP Class UID does not hold what it should"):
        decode_mask(dataset)
