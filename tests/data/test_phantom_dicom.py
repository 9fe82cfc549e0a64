"""The mammograms we write are what the DICOM standard calls mammograms."""

import subprocess

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from mammoseg.data.phantom_dicom import VIEW_CODES, write_mammogram

PIXELS = np.random.default_rng(0).integers(0, 4096, size=(48, 40))
PIXELS[0, :2] = 0, 4095


def errors_found(dciodvfy, path):
    report = subprocess.run([dciodvfy, path], capture_output=True, text=True, timeout=60, check=False)
    assert "MammographyImageForPresentation" in report.stderr
    return [line for line in report.stderr.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("laterality", ["L", "R"])
@pytest.mark.parametrize("view", VIEW_CODES)
def test_dciodvfy_finds_no_error(tmp_path, view, laterality, photometric, dciodvfy):
    path = tmp_path / "image.dcm"
    write_mammogram(path, PIXELS, view=view, laterality=laterality, photometric=photometric)
    assert errors_found(dciodvfy, path) == []


@pytest.mark.parametrize(
    "transfer_syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless]
)
def test_every_transfer_syntax_gives_the_pixels_back(tmp_path, transfer_syntax):
    path = tmp_path / "image.dcm"
    write_mammogram(path, PIXELS, transfer_syntax=transfer_syntax)
    image = pydicom.dcmread(path)
    assert image.file_meta.TransferSyntaxUID == transfer_syntax
    assert np.array_equal(image.pixel_array, PIXELS)


def test_monochrome1_stores_dense_tissue_dark(tmp_path):
    write_mammogram(tmp_path / "image.dcm", PIXELS, photometric="MONOCHROME1")
    assert np.array_equal(pydicom.dcmread(tmp_path / "image.dcm").pixel_array, 4095 - PIXELS)


@pytest.mark.parametrize(
    ("laterality", "view", "orientation"),
    [("L", "CC", ["A", "R"]), ("R", "CC", ["P", "L"]), ("L", "MLO", ["A", "FR"]), ("R", "MLO", ["P", "FL"])],
)
def test_patient_orientation_says_where_the_chest_wall_is(tmp_path, laterality, view, orientation):
    image = write_mammogram(tmp_path / "image.dcm", PIXELS, laterality=laterality, view=view)
    assert list(image.PatientOrientation) == orientation


def test_the_same_call_writes_the_same_bytes(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        write_mammogram(tmp_path / name, PIXELS, transfer_syntax=JPEG2000Lossless)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_other_pixels_are_another_instance_of_the_same_series(tmp_path):
    one = write_mammogram(tmp_path / "a.dcm", PIXELS)
    other = write_mammogram(tmp_path / "b.dcm", 4095 - PIXELS)
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.SeriesInstanceUID == other.SeriesInstanceUID


def test_attributes_are_added_and_taken_out(tmp_path):
    attributes = {"PixelPaddingValue": 0, "ImagerPixelSpacing": None}
    write_mammogram(tmp_path / "image.dcm", PIXELS, attributes=attributes)
    image = pydicom.dcmread(tmp_path / "image.dcm")
    assert image.PixelPaddingValue == 0
    assert "ImagerPixelSpacing" not in image


def test_pixels_beyond_12_bits_are_refused(tmp_path):
    with pytest.raises(ValueError, match="values from 0 to 4095"):
        write_mammogram(tmp_path / "image.dcm", PIXELS + 1)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_view_is_refused(tmp_path):
    with pytest.raises(ValueError, match="view is CC, MLO, ML, LM"):
        write_mammogram(tmp_path / "image.dcm", PIXELS, view="XCCL")
