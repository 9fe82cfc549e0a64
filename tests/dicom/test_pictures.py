"""Secondary capture and presentation state: valid, the same twice, and with the outline around the lesion."""

import subprocess
from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from matplotlib.path import Path as Polygon
from pydicom.uid import JPEGLSLossless

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.secondary_capture import LONGEST_SIDE, build_secondary_capture
from mammoseg.dicom.write import write_object
from mammoseg.overlay import OUTLINE_BGR, draw_overlay
from tests.dicom.readers import errors_of_dcentvfy, read_with_simpleitk
from tests.made_analysis import ALGORITHM, SHAPE, WHEN, made_analysis, made_lesions
from tests.made_dicom import lut_item
from tests.orthanc import orthanc, running_orthanc

__all__ = ["orthanc", "running_orthanc"]

KINDS = ["SC", "PR"]
REAL = [
    "GH133_GE_MLO_jpegls14sv1_12bit.dcm",
    "MG1_J2KI_film_MLO_12bit.dcm",
    "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm",
]


def build(kind, analysis, path):
    if kind == "PR":
        return build_presentation_state(analysis)
    return build_secondary_capture(analysis, read_mammogram(path, modalities=("MG", "RG")))


def made(kind, folder, **changed):
    analysis = made_analysis(folder, **changed)
    return build(kind, analysis, folder / "source.dcm")


def assert_valid(dciodvfy, dataset, path):
    write_object(dataset, path)
    output = subprocess.run([dciodvfy, "-new", path], capture_output=True, text=True, timeout=60)
    lines = (output.stdout + output.stderr).splitlines()
    assert any("SCImage" in line or "PresentationState" in line for line in lines), "dciodvfy did not recognise it"
    assert [line for line in lines if line.startswith("Error")] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changed", [{}, {"lesions": []}, {"algorithm": None}], ids=["masses", "nothing", "drawn"])
def test_dciodvfy_finds_no_error(kind, changed, tmp_path, dciodvfy):
    assert_valid(dciodvfy, made(kind, tmp_path, **changed), tmp_path / "object.dcm")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", REAL)
def test_real_mammograms_get_valid_pictures(kind, name, shared_data, tmp_path, dciodvfy):
    path = shared_data / "dicom_mg" / name
    source = pydicom.dcmread(path, stop_before_pixels=True)
    lesion = np.zeros((source.Rows, source.Columns), bool)
    lesion[100:180, 300:350] = True
    dataset = build(kind, Analysis(source, [lesion], ALGORITHM, WHEN), path)
    assert_valid(dciodvfy, dataset, tmp_path / "object.dcm")


def test_dcentvfy_finds_all_pictures_of_a_study_consistent(tmp_path, dcentvfy):
    paths = []
    for number, (side, view) in enumerate([("L", "CC"), ("L", "MLO"), ("R", "CC")]):
        path = tmp_path / f"{side}{view}.dcm"
        write_mammogram(path, np.arange(40 * 30).reshape(SHAPE) + number, laterality=side, view=view)
        source = pydicom.dcmread(path, stop_before_pixels=True)
        analysis = Analysis(source, made_lesions(), ALGORITHM, WHEN + timedelta(hours=number))
        for kind in KINDS:
            write_object(build(kind, analysis, path), tmp_path / f"{kind}{number}.dcm")
            paths.append(tmp_path / f"{kind}{number}.dcm")
        paths.append(path)
    assert errors_of_dcentvfy(dcentvfy, paths) == []
    assert len({pydicom.dcmread(path).SeriesInstanceUID for path in paths}) == 3 + 3 * len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_same_inputs_give_the_same_bytes(kind, tmp_path):
    for name in ("once", "twice"):
        write_object(made(kind, tmp_path), tmp_path / name)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_another_time_gives_the_same_instance_and_another_lesion_or_threshold_does_not(kind, tmp_path):
    first = made(kind, tmp_path)
    assert made(kind, tmp_path, when=WHEN + timedelta(hours=1)).SOPInstanceUID == first.SOPInstanceUID
    others = [{"lesions": made_lesions()[:1]}, {"algorithm": replace(ALGORITHM, threshold=0.4)}, {"algorithm": None}]
    assert len({first.SOPInstanceUID} | {made(kind, tmp_path, **other).SOPInstanceUID for other in others}) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_patient_study_and_time_zone_are_those_of_the_source(kind, tmp_path):
    dataset = made(kind, tmp_path)
    assert (dataset.PatientID, str(dataset.PatientName), dataset.StudyID) == ("CANARY", "CANARY^Phantom", "1")
    assert (dataset.StudyDate, dataset.TimezoneOffsetFromUTC, dataset.Laterality) == ("20200101", "+0000", "L")
    assert dataset.SeriesDescription.startswith("Masses, ")
    assert dataset.SeriesDescription.endswith(" L CC (AI, unverified, not for diagnosis)")


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


def test_what_a_graphic_encloses_is_the_lesion(tmp_path):
    write_object(made("PR", tmp_path), tmp_path / "pr.dcm")
    (annotation,) = pydicom.dcmread(tmp_path / "pr.dcm").GraphicAnnotationSequence
    rows, columns = np.mgrid[:40, :30]
    centres = np.stack([columns.ravel(), rows.ravel()], axis=-1) + 0.5  # PS3.3 C.10.5.1.2: 0\0 is a corner
    for graphic, lesion in zip(annotation.GraphicObjectSequence, made_lesions(), strict=True):
        points = np.reshape(graphic.GraphicData, (-1, 2))
        assert (graphic.GraphicType, graphic.GraphicFilled, graphic.GraphicAnnotationUnits) == (
            "POLYLINE",
            "N",
            "PIXEL",
        )
        assert (points[0] == points[-1]).all()
        assert np.array_equal(Polygon(points).contains_points(centres).reshape(SHAPE), lesion)


def test_graphics_are_tracked_and_the_texts_name_them_and_say_that_it_is_ai(tmp_path):
    analysis = made_analysis(tmp_path)
    (annotation,) = build_presentation_state(analysis).GraphicAnnotationSequence
    tracked = [graphic.TrackingUID for graphic in annotation.GraphicObjectSequence]
    assert tracked == [analysis.derive_tracking_uid(lesion) for lesion in analysis.lesions]
    texts = [text.UnformattedTextValue for text in annotation.TextObjectSequence]
    assert texts == ["Mass 1", "Mass 2", "AI, not for diagnosis"]
    assert annotation.GraphicLayer == "MASSES"


def test_no_mass_is_said_in_words(tmp_path):
    (annotation,) = made("PR", tmp_path, lesions=[]).GraphicAnnotationSequence
    assert "GraphicObjectSequence" not in annotation
    assert annotation.TextObjectSequence[0].UnformattedTextValue == "AI, not for diagnosis: no mass found"


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("slope", [1, -1])
@pytest.mark.parametrize("voi", ["window", "table", "packed table", "none"])
def test_dcmtk_shows_the_same_greys_with_the_presentation_state(photometric, voi, slope, tmp_path, dcmp2pgm):
    path = tmp_path / "source.dcm"
    attributes = {} if slope == 1 else {"RescaleSlope": -1, "RescaleIntercept": 4095, "RescaleType": "US"}
    if voi == "table":
        attributes["VOILUTSequence"] = [lut_item(600, np.linspace(0, 4095, 1000).astype(int).tolist())]
    elif voi == "packed table":
        item = lut_item(0, [0] * 4096, bits=8)
        item.add_new("LUTData", "OW", (np.arange(4096) // 16).astype(np.uint8).tobytes())
        attributes["VOILUTSequence"] = [item]
    write_mammogram(
        path,
        np.arange(40 * 30).reshape(SHAPE) * 3,
        photometric=photometric,
        window=(1500, 2500) if voi == "window" else None,
        attributes=attributes,
    )
    source = pydicom.dcmread(path, stop_before_pixels=True)
    write_object(build_presentation_state(Analysis(source, [], ALGORITHM, WHEN)), tmp_path / "pr.dcm")
    subprocess.run([dcmp2pgm, "-p", tmp_path / "pr.dcm", path, tmp_path / "a.pgm"], check=True, timeout=60)
    shown = cv2.imread(str(tmp_path / "a.pgm"), cv2.IMREAD_UNCHANGED).astype(float)
    mammogram = read_mammogram(path)
    low, high = mammogram.value_range
    assert shown.shape == SHAPE
    assert np.abs(shown - (mammogram.pixels - low) / (high - low) * 255).max() <= 1.5


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"WindowCenter": [9, 2000], "WindowWidth": [0, 300], "VOILUTFunction": "LINEAR"}, (2000, 300)),
        ({"WindowCenter": 5, "WindowWidth": 0}, None),
    ],
)
def test_a_window_without_width_is_left_out_as_predict_leaves_it_out(attributes, expected, tmp_path):
    write_mammogram(tmp_path / "source.dcm", np.arange(40 * 30).reshape(SHAPE), attributes=attributes)
    state = made("PR", tmp_path, source=pydicom.dcmread(tmp_path / "source.dcm", stop_before_pixels=True))
    found = [(item.WindowCenter, item.WindowWidth) for item in state.get("SoftcopyVOILUTSequence", [])]
    assert found == ([] if expected is None else [expected])
