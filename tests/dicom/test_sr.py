"""The measurement report: each lesion with its values, references and remarks."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from mammoseg.calibration import Calibration
from mammoseg.dicom import codes
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.seg import SegKind, build_segmentation
from mammoseg.dicom.sr import build_report
from mammoseg.dicom.write import write_object
from tests.made_analysis import ALGORITHM, SHAPE, WHEN, made_analysis, made_lesions, made_source

REAL = [
    ("GH133_GE_MLO_jpegls14sv1_12bit.dcm", "ImagerPixelSpacing"),
    ("MG1_J2KI_film_MLO_12bit.dcm", "Pixel size unknown"),
    ("edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm", "ImagerPixelSpacing"),
]
CASES = {
    "two lesions": {},
    "nothing": {"lesions": []},
    "calibrated": {"algorithm": replace(ALGORITHM, calibration=Calibration(0.5, -1.0, "films"), min_area_mm2=10.0)},
    "drawn": {"algorithm": None, "probability": None},
}


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    return made_analysis(tmp_path, **CASES[request.param])


def write_and_read(analysis, folder, *, segmentation=None):
    write_object(build_report(analysis, segmentation or build_segmentation(analysis)), folder / "report.dcm")
    return hd.sr.srread(folder / "report.dcm")


def groups_of(report):
    return report.content.get_planar_roi_measurement_groups()


def values_of(group):
    return {item.name.meaning: (item.value, item.unit.value) for item in group.get_measurements()}


def texts_of(report):
    return [item.TextValue for item in evaluations_of(report) if item.ValueType == "TEXT"]


def evaluations_of(report):
    (container,) = [item for item in report.ContentSequence if item.name == codes.QUALITATIVE_EVALUATIONS]
    return container.ContentSequence


def presence_of(report):
    return [item.value for item in evaluations_of(report) if item.name == codes.MASS]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_each_lesion_is_found_by_its_tracking_uid_with_its_values(tmp_path):
    analysis = made_analysis(tmp_path)  # 17 x 4 and 4 x 15 pixels of 0.07 mm, probability 0.75
    report = write_and_read(analysis, tmp_path)
    sizes = {"Mass 1": (0.33, 1.22, 0.29), "Mass 2": (0.29, 1.09, 0.29)}
    for lesion, (name, expected) in zip(analysis.lesions, sizes.items(), strict=True):
        (group,) = report.content.get_planar_roi_measurement_groups(tracking_uid=analysis.derive_tracking_uid(lesion))
        assert group.tracking_identifier == name
        assert values_of(group) == {
            "Area": (expected[0], "mm2"),
            "Long axis": (expected[1], "mm"),
            "Short axis": (expected[2], "mm"),
            "Certainty of Finding": (75.0, "%"),
        }
    assert len(groups_of(report)) == 2


def test_certainty_is_the_score_and_a_comment_says_what_that_is(tmp_path):
    calibration = Calibration(scale=0.5, offset=-1.0, fitted_on="CBIS-DDSM")
    probability = np.where(made_lesions()[0], 0.5, 0.8)  # logit 0: 1 / (1 + e); logit ln 4: 1 / (1 + e / 2)
    algorithm = replace(ALGORITHM, calibration=calibration)
    report = write_and_read(made_analysis(tmp_path, probability=probability, algorithm=algorithm), tmp_path)
    assert [values_of(group)["Certainty of Finding"] for group in groups_of(report)] == [(26.9, "%"), (42.4, "%")]
    assert texts_of(report)[-1] == (
        "Certainty of Finding: estimated share of such marks that are masses, fitted on CBIS-DDSM; "
        "no probability of cancer"
    )
    plain = write_and_read(made_analysis(tmp_path, probability=probability), tmp_path)
    assert [values_of(group)["Certainty of Finding"] for group in groups_of(plain)] == [(50.0, "%"), (80.0, "%")]
    assert "highest probability of the network in the mass, uncalibrated" in texts_of(plain)[-1]


def test_group_says_mass_in_the_left_breast_found_by_the_algorithm(tmp_path):
    group = groups_of(write_and_read(made_analysis(tmp_path), tmp_path))[0]
    (site,) = group.finding_sites
    assert (group.finding_type, group.finding_category) == (codes.MASS, codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE)
    assert (site.value, site.laterality) == (codes.BREAST, codes.LATERALITY["L"])
    texts = [item.TextValue for item in group[0].ContentSequence if item.ValueType == "TEXT"]
    assert texts[1:] == ["unet", "0.1.0", f"weights_sha256={'ab' * 32}", "threshold=0.5"]


@pytest.mark.parametrize("kind", [SegKind.BINARY, SegKind.LABELMAP])
def test_group_refers_to_the_segment_of_the_same_tracking_uid(tmp_path, kind):
    analysis = made_analysis(tmp_path)
    segmentation = build_segmentation(analysis, kind=kind)
    for group in groups_of(write_and_read(analysis, tmp_path, segmentation=segmentation)):
        reference = group.referenced_segmentation_frame[0].ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == segmentation.SOPInstanceUID
        assert "ReferencedFrameNumber" not in reference  # frame and segment together break PS3.3 C.18.4
        (segment,) = [
            item for item in segmentation.SegmentSequence if item.SegmentNumber == reference.ReferencedSegmentNumber
        ]
        assert segment.TrackingUID == group.tracking_uid


@pytest.mark.parametrize("kind", [None, SegKind.FRACTIONAL])
def test_lesion_that_no_segment_holds_is_drawn(tmp_path, kind):
    analysis = made_analysis(tmp_path)
    report = build_report(analysis, kind and build_segmentation(analysis, kind=kind))
    group = groups_of(hd.sr.ComprehensiveSR.from_dataset(report))[0]
    assert group.roi.value.min(axis=0).tolist() == [2, 20]  # column, row: rows 20 to 36, columns 2 to 5
    assert group.roi.value.max(axis=0).tolist() == [6, 37]


@pytest.mark.parametrize(("lesions", "expected"), [(made_lesions(), codes.PRESENT), ([], codes.ABSENT)])
def test_report_says_whether_there_is_a_mass(tmp_path, lesions, expected):
    report = write_and_read(made_analysis(tmp_path, lesions=lesions), tmp_path)
    assert presence_of(report) == [expected]
    assert len(groups_of(report)) == len(lesions)


def test_report_of_nothing_still_says_what_looked_at_which_image(tmp_path):
    analysis = made_analysis(tmp_path, lesions=[])
    report = write_and_read(analysis, tmp_path)
    texts = [item.TextValue for item in evaluations_of(report) if item.ValueType == "TEXT"]
    assert texts[:4] == ["unet", "0.1.0", f"weights_sha256={'ab' * 32}", "threshold=0.5"]
    images = hd.sr.utils.find_content_items(report, value_type="IMAGE", recursive=True)
    assert [image.value[1] for image in images] == [analysis.source.SOPInstanceUID]


def test_report_is_complete_preliminary_and_unverified(case, tmp_path):
    report = write_and_read(case, tmp_path)
    assert (report.CompletionFlag, report.PreliminaryFlag, report.VerificationFlag) == (
        "COMPLETE",
        "PRELIMINARY",
        "UNVERIFIED",
    )
    assert ("AI, unverified, not for diagnosis" in texts_of(report)) == (case.algorithm is not None)


def test_evidence_is_the_image_and_the_segmentation(case, tmp_path):
    segmentation = build_segmentation(case)
    report = write_and_read(case, tmp_path, segmentation=segmentation)
    assert {instance for _, _, instance, _ in report.get_evidence()} == {
        case.source.SOPInstanceUID,
        segmentation.SOPInstanceUID,
    }


def test_drawn_report_names_no_algorithm_and_no_probability(tmp_path):
    report = build_report(made_analysis(tmp_path, **CASES["drawn"]))
    for words in ("unet", "Certainty", "AI,"):
        assert words not in str(report)


def test_magnification_divides_the_axes_and_its_square_the_area(tmp_path):
    source = made_source(tmp_path)
    source.ImagerPixelSpacing = [0.18, 0.18]
    source.EstimatedRadiographicMagnificationFactor = 1.8
    report = write_and_read(made_analysis(tmp_path, source=source), tmp_path)
    values = values_of(groups_of(report)[0])  # 17 x 4 pixels of 0.1 mm
    assert (values["Area"], values["Long axis"], values["Short axis"]) == ((0.68, "mm2"), (1.75, "mm"), (0.41, "mm"))
    assert "Pixel size 0.1 x 0.1 mm (row x column) from ImagerPixelSpacing, divided by " in texts_of(report)[1]
    assert "EstimatedRadiographicMagnificationFactor 1.8" in texts_of(report)[1]


def test_without_spacing_nothing_is_in_millimetres(tmp_path):
    source = made_source(tmp_path)
    del source.ImagerPixelSpacing
    report = write_and_read(made_analysis(tmp_path, source=source), tmp_path)
    values = values_of(groups_of(report)[0])
    assert (values["Area"], values["Long axis"], values["Short axis"]) == (
        (68, "{pixels}"),
        (17.5, "{pixels}"),
        (4.1, "{pixels}"),
    )
    units = [item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue for item in numbers_of(report)]
    assert set(units) == {"{pixels}", "%"}
    assert texts_of(report)[1] == "Pixel size unknown: axes and areas are in pixels, as if these were square"


def numbers_of(report):
    return hd.sr.utils.find_content_items(report, value_type="NUM", recursive=True)


def test_disc_is_reported_with_its_diameter(tmp_path):
    source = made_source(tmp_path)
    source.Rows = source.Columns = 600
    source.ImagerPixelSpacing = [0.1, 0.1]
    rows, columns = np.ogrid[:600, :600]
    disc = (rows - 300) ** 2 + (columns - 280) ** 2 <= 100**2  # 201 pixels across
    values = values_of(groups_of(build_and_parse(Analysis(source, [disc], ALGORITHM, WHEN)))[0])
    assert values["Long axis"][0] == pytest.approx(20.1, abs=0.1)
    assert values["Short axis"][0] == pytest.approx(20.1, abs=0.1)
    assert values["Area"][0] == pytest.approx(np.pi * 10**2, rel=0.005)


def build_and_parse(analysis):
    return hd.sr.ComprehensiveSR.from_dataset(build_report(analysis))


def test_values_are_rounded_and_finite(tmp_path):
    probability = np.random.default_rng(0).random(SHAPE)
    report = build_report(made_analysis(tmp_path, probability=probability))
    for item in numbers_of(report):
        measured = item.MeasuredValueSequence[0]
        digits = 1 if measured.MeasurementUnitsCodeSequence[0].CodeValue == "%" else 2
        assert measured.NumericValue == round(measured.FloatingPointValue, digits)
        assert np.isfinite(measured.FloatingPointValue)


def test_same_analysis_gives_the_same_bytes(case):
    first, second = ((BytesIO(), build_report(case, build_segmentation(case))) for _ in range(2))
    for buffer, report in (first, second):
        report.save_as(buffer, enforce_file_format=True)
    assert first[0].getvalue() == second[0].getvalue()


def test_another_time_gives_the_same_instance_and_another_result_another(tmp_path):
    analysis = made_analysis(tmp_path)
    segmentation = build_segmentation(analysis)
    later = replace(analysis, when=WHEN + timedelta(hours=1))
    assert build_report(later, segmentation).SOPInstanceUID == build_report(analysis, segmentation).SOPInstanceUID
    others = [
        build_report(analysis, segmentation),
        build_report(analysis),
        build_report(replace(analysis, lesions=made_lesions()[:1])),
        build_report(replace(analysis, lesions=[])),
        build_report(replace(analysis, algorithm=replace(ALGORITHM, threshold=0.4))),
    ]
    assert len({report.SOPInstanceUID for report in others}) == 5


def test_library_names_side_and_view(tmp_path):
    report = write_and_read(made_analysis(tmp_path), tmp_path)
    (library,) = (item for item in report.ContentSequence if item.name == codes.IMAGE_LIBRARY)
    (image,) = library.ContentSequence[0].ContentSequence
    values = {item.name: item.value for item in image.ContentSequence if item.ValueType == "CODE"}
    assert values == {
        codes.MODALITY: codes.MG,
        codes.IMAGE_LATERALITY: codes.SIDE["L"],
        codes.IMAGE_VIEW: codes.VIEW["CC"],
    }


def test_validators_and_readers_find_no_error(case, tmp_path, dciodvfy, dsrdump):
    write_and_read(case, tmp_path)
    checked = run(dciodvfy, "-new", tmp_path / "report.dcm")
    assert "ComprehensiveSR" in checked.stdout + checked.stderr
    assert "Error" not in checked.stdout + checked.stderr
    dumped = run(dsrdump, tmp_path / "report.dcm")
    assert dumped.returncode == 0
    assert [line for line in dumped.stderr.splitlines() if line and "ISO_IR 192" not in line] == []
    assert ("Present" if case.lesions else "Absent") in dumped.stdout


def test_dcmqi_reads_findings_and_values(case, tmp_path):
    write_and_read(case, tmp_path)
    reader = Path(sys.executable).with_name("tid1500reader")
    read = run(reader, "--inputDICOM", tmp_path / "report.dcm", "--outputMetadata", tmp_path / "report.json")
    assert read.returncode == 0, read.stderr
    groups = json.loads((tmp_path / "report.json").read_text()).get("Measurements") or []
    assert [group["TrackingUniqueIdentifier"] for group in groups] == [
        case.derive_tracking_uid(each) for each in case.lesions
    ]
    for group in groups:
        assert group["Finding"]["CodeMeaning"] == "Mass"
        assert group["measurementItems"][0]["quantity"]["CodeMeaning"] == "Area"


def test_image_segmentation_and_report_are_of_one_patient_and_study(case, tmp_path, dcentvfy):
    segmentation = build_segmentation(case)
    write_object(segmentation, tmp_path / "seg.dcm")
    write_and_read(case, tmp_path, segmentation=segmentation)
    compared = run(dcentvfy, *(tmp_path / name for name in ("source.dcm", "seg.dcm", "report.dcm")))
    # dcentvfy itself files the accession number of a report under another entity than that of an image.
    lines = (compared.stdout + compared.stderr).splitlines()
    assert [line for line in lines if "<AccessionNumber> IE <Series> versus <Study>" not in line] == []


def test_odd_patient_name_is_not_quoted_in_a_warning(tmp_path, recwarn, caplog):
    build_report(made_analysis(tmp_path))  # PatientName is CANARY^Phantom, PatientID CANARY
    assert len(recwarn) == 0
    assert caplog.text == ""


def test_poor_header_gives_a_valid_report(tmp_path, dciodvfy):
    source = made_source(tmp_path)
    for keyword in "PatientID PatientBirthDate StudyTime StudyID AccessionNumber PatientOrientation".split():
        delattr(source, keyword)
    source.StudyDate = source.ImageLaterality = source.PatientSex = ""
    source.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    source.PatientName = "Yamada^Tarou=山田^太郎"
    report = write_and_read(made_analysis(tmp_path, source=source), tmp_path)
    assert str(report.PatientName) == "Yamada^Tarou=山田^太郎"
    assert groups_of(report)[0].finding_sites[0].laterality is None
    assert "Error" not in run(dciodvfy, "-new", tmp_path / "report.dcm").stderr


@pytest.mark.parametrize(("name", "scale"), REAL)
@pytest.mark.parametrize("found", [True, False])
def test_real_mammograms_get_a_valid_report(name, scale, found, shared_data, tmp_path, dciodvfy, dsrdump):
    source = pydicom.dcmread(shared_data / "dicom_mg" / name, stop_before_pixels=True)
    lesion = np.zeros((source.Rows, source.Columns), bool)
    lesion[100:180, 300:350] = True
    report = write_and_read(Analysis(source, [lesion] if found else [], ALGORITHM, WHEN), tmp_path)
    assert scale in texts_of(report)[-1]
    assert "Error" not in run(dciodvfy, "-new", tmp_path / "report.dcm").stderr
    assert run(dsrdump, tmp_path / "report.dcm").returncode == 0


def test_remarks_on_the_image_stand_in_the_report(tmp_path):
    source = made_source(tmp_path)
    source.SOPClassUID, source.ConversionType = "1.2.840.10008.5.1.4.1.1.7", "WSD"
    report = write_and_read(Analysis(source, [], ALGORITHM, WHEN), tmp_path)
    said = "The image: secondary capture made on a workstation, such as a screen save; it may be no mammogram"
    assert said in texts_of(report)
