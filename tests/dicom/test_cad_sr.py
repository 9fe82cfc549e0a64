"""The Mammography CAD SR: findings, codes, evidence, and what the standard asks for."""

import subprocess
from dataclasses import replace
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.uid import MammographyCADSRStorage

from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.cad_sr import build_cad_report
from mammoseg.dicom.measure import MOST_POINTS
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.write import write_object
from mammoseg.errors import InputRefusedError
from tests.made_analysis import ALGORITHM, SHAPE, WHEN, made_analysis, made_lesions, made_source


def write_and_read(analysis, folder):
    write_object(build_cad_report(analysis), folder / "cad.dcm")
    return pydicom.dcmread(folder / "cad.dcm")


def name_of(item):
    return item.ConceptNameCodeSequence[0].CodeMeaning if "ConceptNameCodeSequence" in item else item.get("ValueType")


def value_of(item):
    if "ConceptCodeSequence" in item:
        return item.ConceptCodeSequence[0].CodeMeaning
    if "MeasuredValueSequence" in item:
        return float(item.MeasuredValueSequence[0].NumericValue)
    return next((item[word].value for word in ("TextValue", "UID", "GraphicData", "Date") if word in item), None)


def children(item, name):
    return [child for child in item.get("ContentSequence", []) if name_of(child) == name]


def findings_of(report):
    (summary,) = children(report, "CAD Processing and Findings Summary")
    for impression in children(summary, "Individual Impression/Recommendation"):
        assert impression.RelationshipType == "INFERRED FROM"  # CONTAINS is illegal here, and dciodvfy does not say so
        yield from children(impression, "Single Image Finding")


def item_at(report, identifier):
    """The content item that a relationship by reference leads to; the first number is the root."""
    item = report
    for number in identifier[1:]:
        item = item.ContentSequence[number - 1]
    return item


def test_each_lesion_is_a_finding_with_its_own_centre_outline_and_certainty(tmp_path):
    probability = np.where(made_lesions()[0], 0.75, 0.5)
    first, second = findings_of(write_and_read(made_analysis(tmp_path, probability=probability), tmp_path))
    for finding, centre, percent in ((first, [4, 28.5], 75), (second, [12.5, 5], 50)):  # column, row
        assert value_of(finding) == "Mammography breast density"  # what PS3.17 E.3 detects masses under
        assert [value_of(item) for item in children(finding, "Center")] == [centre]
        assert [value_of(item) for item in children(finding, "Certainty of Finding")] == [percent]
    (outline,) = children(first, "Outline")
    points = np.reshape(outline.GraphicData, (-1, 2))
    assert (points.min(axis=0).tolist(), points.max(axis=0).tolist()) == ([2, 20], [6, 37])


def test_a_lesion_has_the_name_and_uid_that_it_has_in_the_segmentation(tmp_path):
    analysis = made_analysis(tmp_path)
    segments = build_segmentation(analysis).SegmentSequence
    findings = list(findings_of(write_and_read(analysis, tmp_path)))
    tracking = [[value_of(item) for item in finding.ContentSequence[1:3]] for finding in findings]
    assert tracking == [[segment.TrackingID, segment.TrackingUID] for segment in segments]
    assert [name for name, _ in tracking] == [segment.SegmentLabel for segment in segments] == ["Mass 1", "Mass 2"]
    assert [
        (name_of(item), item.RelationshipType) for item in findings[0].ContentSequence[:4]
    ] == [  # TID 4006, in order
        ("Rendering Intent", "HAS CONCEPT MOD"),
        ("Tracking Identifier", "HAS OBS CONTEXT"),
        ("Tracking Unique Identifier", "HAS OBS CONTEXT"),
        ("Algorithm Name", "HAS PROPERTIES"),
    ]


def test_graphics_and_detection_refer_to_the_image_in_the_library(tmp_path):
    analysis = made_analysis(tmp_path)
    report = write_and_read(analysis, tmp_path)
    finding = next(findings_of(report))
    (detections,) = children(children(report, "Summary of Detections")[0], "Successful Detections")
    references = [
        children(finding, "Center")[0].ContentSequence[0],
        children(finding, "Outline")[0].ContentSequence[0],
        detections.ContentSequence[0].ContentSequence[-1],
    ]
    for reference in references:
        image = item_at(report, reference.ReferencedContentItemIdentifier)
        assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == analysis.source.SOPInstanceUID


def test_library_says_how_the_image_was_taken(tmp_path):
    report = write_and_read(made_analysis(tmp_path), tmp_path)
    image = item_at(report, [1, 2, 1])
    assert {name_of(item): value_of(item) for item in image.ContentSequence} == {
        "Image Laterality": "Left breast",
        "Image View": "cranio-caudal",
        "Patient Orientation Row": "A",
        "Patient Orientation Column": "R",
        "Study Date": "20200101",
        "Vertical Pixel Spacing": 0.07,
        "Horizontal Pixel Spacing": 0.07,
    }


def test_algorithm_is_named_at_the_finding_and_at_the_detection(tmp_path):
    report = write_and_read(made_analysis(tmp_path), tmp_path)
    (detections,) = children(children(report, "Summary of Detections")[0], "Successful Detections")
    for item in (next(findings_of(report)), detections.ContentSequence[0]):
        texts = [value_of(child) for child in item.ContentSequence if (name_of(child) or "").startswith("Algorithm")]
        assert texts == ["unet", "0.1.0", f"weights_sha256={'ab' * 32}", "threshold=0.5"]


def test_nothing_found_is_said_to_be_a_success_without_findings(tmp_path):
    report = write_and_read(made_analysis(tmp_path, lesions=[]), tmp_path)
    assert [value_of(item) for item in children(report, "CAD Processing and Findings Summary")] == [
        "All algorithms succeeded; without findings"
    ]
    assert [value_of(item) for item in children(report, "Summary of Detections")] == ["Succeeded"]
    assert list(findings_of(report)) == []


def test_class_template_flags_and_evidence(tmp_path):
    analysis = made_analysis(tmp_path)
    report = write_and_read(analysis, tmp_path)
    assert report.SOPClassUID == report.file_meta.MediaStorageSOPClassUID == MammographyCADSRStorage
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "4000"
    assert (report.CompletionFlag, report.PreliminaryFlag, report.VerificationFlag) == (
        "COMPLETE",
        "PRELIMINARY",
        "UNVERIFIED",
    )
    series = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == analysis.source.SOPInstanceUID


def test_outline_of_a_large_lesion_has_a_bounded_number_of_points(tmp_path):
    source = made_source(tmp_path)
    source.Rows = source.Columns = 2000
    rows, columns = np.ogrid[:2000, :2000]
    disc = (rows - 1000) ** 2 + (columns - 1000) ** 2 <= 800**2
    finding = next(findings_of(write_and_read(Analysis(source, [disc], ALGORITHM, WHEN), tmp_path)))
    assert len(children(finding, "Outline")[0].GraphicData) == 2 * MOST_POINTS


@pytest.mark.parametrize("keyword", ["ImageLaterality", "ViewPosition"])
def test_image_without_side_or_view_is_refused(tmp_path, keyword):
    source = made_source(tmp_path)
    del source.ViewCodeSequence, source[keyword]
    with pytest.raises(InputRefusedError, match="E_ATTRIBUTE: side or view is not stated"):
        build_cad_report(made_analysis(tmp_path, source=source))


def test_what_a_person_drew_is_no_cad_report(tmp_path):
    with pytest.raises(ValueError, match="a person drew these"):
        build_cad_report(made_analysis(tmp_path, algorithm=None))


def test_same_analysis_gives_the_same_bytes_and_another_result_another_instance(tmp_path):
    analysis = made_analysis(tmp_path)
    first, second = BytesIO(), BytesIO()
    for buffer in (first, second):
        build_cad_report(analysis).save_as(buffer, enforce_file_format=True)
    assert first.getvalue() == second.getvalue()
    others = [
        analysis,
        replace(analysis, lesions=analysis.lesions[:1]),
        replace(analysis, lesions=[]),
        replace(analysis, probability=np.full(SHAPE, 0.25)),
    ]
    assert len({build_cad_report(other).SOPInstanceUID for other in others}) == 4


@pytest.mark.parametrize("lesions", [made_lesions(), []], ids=["found", "nothing"])
def test_validators_find_no_error(tmp_path, lesions, dciodvfy, dsrdump):
    write_and_read(made_analysis(tmp_path, lesions=lesions), tmp_path)
    assert_valid(tmp_path / "cad.dcm", dciodvfy, dsrdump)


@pytest.mark.parametrize(
    "name",
    [
        "GH133_GE_MLO_jpegls14sv1_12bit.dcm",
        "MG1_J2KI_film_MLO_12bit.dcm",
        "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm",
    ],
)
def test_real_mammograms_get_a_valid_report(name, shared_data, tmp_path, dciodvfy, dsrdump):
    source = pydicom.dcmread(shared_data / "dicom_mg" / name, stop_before_pixels=True)
    lesion = np.zeros((source.Rows, source.Columns), bool)
    lesion[100:180, 300:350] = True
    write_and_read(Analysis(source, [lesion], ALGORITHM, WHEN), tmp_path)
    assert_valid(tmp_path / "cad.dcm", dciodvfy, dsrdump)


def assert_valid(path, dciodvfy, dsrdump):
    checked = subprocess.run([dciodvfy, "-new", path], capture_output=True, text=True, timeout=60)
    assert "MammographyCADSR" in checked.stdout + checked.stderr
    assert "Error" not in checked.stdout + checked.stderr
    dumped = subprocess.run([dsrdump, path], capture_output=True, text=True, timeout=60)
    known = ("ISO_IR 192", "template constraints not yet supported")
    assert [line for line in dumped.stderr.splitlines() if line and not any(word in line for word in known)] == []
    assert dumped.returncode == 0
