"""Presentation state: graphics that enclose the lesions, and the greys of the mammogram."""

import subprocess

import cv2
import numpy as np
import pydicom
import pytest
from matplotlib.path import Path as Polygon

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.write import write_object
from tests.dicom.made_pictures import made
from tests.made_analysis import ALGORITHM, SHAPE, WHEN, made_analysis, made_lesions
from tests.made_dicom import lut_item


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
