"""Objects of one study as a PACS lists them: series told apart by kind, side, view and number; lesions by one name."""

import copy
from itertools import product

import numpy as np
import pydicom
import pytest

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.analysis import Analysis
from mammoseg.dicom.cad_sr import build_cad_report
from mammoseg.dicom.codes import VIEW
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.secondary_capture import build_secondary_capture
from mammoseg.dicom.seg import build_segmentation
from mammoseg.dicom.sr import build_report
from tests.made_analysis import ALGORITHM, SHAPE, WHEN, made_analysis, made_lesions, made_source


def objects_of(analysis, path):
    segmentation = build_segmentation(analysis)
    return [
        segmentation,
        build_report(analysis, segmentation),
        build_cad_report(analysis),
        build_secondary_capture(analysis, read_mammogram(path)),
        build_presentation_state(analysis),
    ]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Objects of the four usual views and of one that was taken twice, in the order of the reading."""
    folder = tmp_path_factory.mktemp("study")
    made = []
    for number, (view, side) in enumerate([*product(["CC", "MLO"], "RL"), ("MLO", "L")]):
        path, pixels = folder / f"{number}.dcm", np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE) + number
        write_mammogram(path, pixels, laterality=side, view=view, attributes={"InstanceNumber": 1 + number // 4})
        source = pydicom.dcmread(path, stop_before_pixels=True)
        made.append(objects_of(Analysis(source, made_lesions(), ALGORITHM, WHEN), path))
    return made


def test_no_two_objects_share_series_or_series_number(study):
    objects = [each for image in study for each in image]
    assert len({each.SeriesInstanceUID for each in objects}) == len({each.SeriesNumber for each in objects}) == 25
    assert {each.InstanceNumber for each in objects} == {1}


def test_series_of_one_kind_stand_in_the_order_of_the_reading(study):
    for kind in zip(*study, strict=True):
        numbers = [each.SeriesNumber for each in kind]
        assert numbers == sorted(numbers)


def test_series_are_named_after_side_and_view(study):
    assert [image[0].SeriesDescription for image in study[:3]] == [
        "Masses R CC (AI, unverified, not for diagnosis)",
        "Masses L CC (AI, unverified, not for diagnosis)",
        "Masses R MLO (AI, unverified, not for diagnosis)",
    ]
    assert study[0][1].SeriesDescription == "Mass measurements R CC (AI, unverified, not for diagnosis)"
    assert (
        len({(image[kind].SeriesDescription, image[kind].Modality) for image in study[:4] for kind in range(5)}) == 20
    )


@pytest.mark.parametrize(("side", "view"), [*product("LR", VIEW), (None, None)])
def test_description_of_any_side_and_view_fits_in_its_64_characters(side, view, tmp_path):
    source = made_source(tmp_path)
    source.ViewCodeSequence[0].CodeValue = VIEW[view].value if view else "0"
    source.ViewPosition, source.ImageLaterality = view or "", side or ""
    objects = [
        build_report(made_analysis(tmp_path, source=source)),
        build_presentation_state(made_analysis(tmp_path, source=source)),
    ]
    assert all(len(each.SeriesDescription) <= 64 for each in objects)
    assert (" ".join(filter(None, [side, view])) or "Mass") in objects[0].SeriesDescription


def test_a_lesion_has_one_name_in_every_object(tmp_path):
    analysis = made_analysis(tmp_path)
    segmentation, report, _, _, state = objects_of(analysis, tmp_path / "source.dcm")
    assert [segment.SegmentLabel for segment in segmentation.SegmentSequence] == ["Mass 1", "Mass 2"]
    assert [segment.TrackingID for segment in segmentation.SegmentSequence] == ["Mass 1", "Mass 2"]
    assert [graphic.TrackingID for graphic in state.GraphicAnnotationSequence[0].GraphicObjectSequence] == [
        "Mass 1",
        "Mass 2",
    ]
    texts = [line.split(": ")[1] for line in str(report).splitlines() if "Text Value" in line and "'Mass" in line]
    assert texts == ["'Mass 1'", "'Mass 2'"]


def test_no_object_changes_the_header_that_the_others_take_over(tmp_path):
    analysis = made_analysis(tmp_path)
    before = copy.deepcopy(analysis.header)
    objects_of(analysis, tmp_path / "source.dcm")
    assert analysis.header == before
