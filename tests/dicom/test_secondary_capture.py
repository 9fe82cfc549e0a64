"""Secondary capture: the mammogram as it is shown, with the outline around the lesion."""

import cv2
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from pydicom.uid import JPEGLSLossless

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.secondary_capture import LONGEST_SIDE, build_secondary_capture
from mammoseg.dicom.write import write_object
from mammoseg.overlay import OUTLINE_BGR, draw_overlay
from tests.dicom.made_pictures import made
from tests.dicom.readers import read_with_simpleitk
from tests.made_analysis import ALGORITHM, WHEN, made_analysis, made_lesions
from tests.orthanc import orthanc, running_orthanc

__all__ = ["orthanc", "running_orthanc"]


def test_secondary_capture_is_the_mammogram_in_its_displayed_greys(tmp_path):
    picture = made("SC", tmp_path, lesions=[]).pixel_array
    assert picture.shape == (3 * 40 + 64, 3 * 30, 3)
    # stored value v of the ramp 0 .. 1199, window 2048 / 4096: v / 4095 of white
    assert abs(int(picture[118, 88, 0]) - 1199 * 255 / 4095) < 1
    assert picture[1, 1].tolist() == [0, 0, 0]


def test_secondary_capture_has_the_outline_around_the_lesion_and_leaves_its_inside_visible(tmp_path):
    _, lesion = made_lesions()  # rows 3 to 6, columns 5 to 19
    picture = made("SC", tmp_path, lesions=[lesion]).pixel_array[: 3 * 7 + 3]  # the name of the lesion stands below
    rows, columns = np.nonzero((picture == OUTLINE_BGR[::-1]).all(axis=-1) & (np.arange(90) < 3 * 20 + 3))
    assert np.abs(np.array([rows.min(), rows.max(), columns.min(), columns.max()]) - [9, 20, 15, 59]).max() <= 4
    assert np.ptp(picture[14:16, 25:50], axis=-1).max() == 0


@pytest.mark.parametrize(("rows", "columns", "expected"), [(4096, 3000, (2048, 1453)), (300, 4096, (214, 2048))])
def test_no_side_of_a_secondary_capture_is_longer_than_2048(rows, columns, expected, tmp_path):
    write_mammogram(tmp_path / "source.dcm", np.arange(rows * columns).reshape(rows, columns) % 4096)
    source = pydicom.dcmread(tmp_path / "source.dcm", stop_before_pixels=True)
    capture = build_secondary_capture(Analysis(source, [], ALGORITHM, WHEN), read_mammogram(tmp_path / "source.dcm"))
    assert (capture.Rows, capture.Columns) == expected


def test_secondary_capture_is_compressed_without_loss_and_opened_by_others(tmp_path, orthanc):
    path = tmp_path / "capture.dcm"
    capture = made("SC", tmp_path)
    write_object(capture, path)
    assert capture.file_meta.TransferSyntaxUID == JPEGLSLossless
    drawn = draw_overlay(
        read_mammogram(tmp_path / "source.dcm").pixels,
        made_lesions(),
        longest_side=LONGEST_SIDE,
        black_and_white=(0, 4095),
    )
    assert np.array_equal(capture.pixel_array, drawn[..., ::-1])
    assert np.array_equal(read_with_simpleitk(path, tmp_path)[0], capture.pixel_array)
    client = DICOMwebClient(f"{orthanc.url}/dicom-web", session=create_session_from_user_pass(*orthanc.user))
    client.store_instances([pydicom.dcmread(path)])
    shown = client.retrieve_instance_rendered(
        capture.StudyInstanceUID, capture.SeriesInstanceUID, capture.SOPInstanceUID, media_types=("image/png",)
    )
    assert np.array_equal(cv2.imdecode(np.frombuffer(shown, np.uint8), cv2.IMREAD_COLOR), drawn)


def test_secondary_capture_says_what_it_is(tmp_path):
    capture = made("SC", tmp_path)
    assert (capture.ConversionType, capture.BurnedInAnnotation, capture.Modality) == ("WSD", "YES", "OT")
    source = pydicom.dcmread(tmp_path / "source.dcm", stop_before_pixels=True)
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert capture.PatientOrientation == ["A", "R"]
    assert "PixelSpacing" not in capture


def test_lossy_source_stays_lossy(tmp_path):
    source = made_analysis(tmp_path).source
    source.LossyImageCompression, source.LossyImageCompressionRatio = "01", "12.5"
    source.LossyImageCompressionMethod = "ISO_15444_1"
    capture = made("SC", tmp_path, source=source)
    assert (capture.LossyImageCompression, capture.LossyImageCompressionRatio) == ("01", 12.5)


def test_mammogram_of_another_file_is_refused(tmp_path):
    analysis = made_analysis(tmp_path)
    write_mammogram(tmp_path / "other.dcm", np.arange(30 * 40).reshape(30, 40))
    with pytest.raises(ValueError, match=r"\(30, 40\), its header \(40, 30\)"):
        build_secondary_capture(analysis, read_mammogram(tmp_path / "other.dcm"))
