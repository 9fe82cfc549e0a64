"""What holds for secondary capture and presentation state alike: valid, and the same twice."""

import subprocess
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pydicom
import pytest

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.write import write_object
from tests.dicom.made_pictures import build, made
from tests.dicom.readers import errors_of_dcentvfy
from tests.made_analysis import ALGORITHM, SHAPE, WHEN, made_lesions

KINDS = ["SC", "PR"]
REAL = [
    "GH133_GE_MLO_jpegls14sv1_12bit.dcm",
    "MG1_J2KI_film_MLO_12bit.dcm",
    "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm",
]


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
