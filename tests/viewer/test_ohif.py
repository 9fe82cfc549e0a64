"""OHIF, in a real browser before a real archive, shows the mask where the mass is, and nothing leaves this machine."""

from datetime import datetime, timezone

import cv2
import numpy as np
import pydicom
import pytest

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom_breast import draw_breast, draw_masses, phantom_image
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.dicom.derived import Algorithm, Analysis
from mammoseg.dicom.presentation_state import build_presentation_state
from mammoseg.dicom.secondary_capture import build_secondary_capture
from mammoseg.dicom.seg import SegProfile, build_segmentation
from mammoseg.dicom.sr import build_report
from mammoseg.lesions import find_lesions
from mammoseg.viewer.archive import local_archive
from mammoseg.viewer.server import ViewerServer, serving
from tests.dicom.test_seg_readers import BLANK, IN_PLACE, KINDS, check, meaning
from tests.test_orientation import CANARIES, assert_on, box, make_predictor, write_canary
from tests.viewer.picture import Study, assert_mask_is_in_its_place, assert_nothing_left_this_machine, look

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ALGORITHM = Algorithm("unet", "0.1.0", "ab" * 32, 0.5)

REAL = [
    "GH133_GE_MLO_jpegls14sv1_12bit.dcm",
    "MG1_J2KI_film_MLO_12bit.dcm",
    "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm",
]


@pytest.fixture(scope="module")
def viewer(ohif):
    """An archive and the viewer before it."""
    with local_archive() as archive, serving(ViewerServer(ohif, archive.url, user=archive.user)) as server:
        yield archive, server


def study_of_all_objects(path, lesions):
    """The mammogram at a path with everything that can be built from it."""
    analysis = Analysis(pydicom.dcmread(path, stop_before_pixels=True), lesions, ALGORITHM, WHEN)
    segmentation = build_segmentation(analysis)
    capture = build_secondary_capture(analysis, read_mammogram(path, modalities=("MG", "RG")))
    return Study(
        path, segmentation, [build_report(analysis, segmentation), capture, build_presentation_state(analysis)]
    )


def test_mask_of_a_phantom_lies_on_its_mass(viewer, tmp_path):
    rng = np.random.default_rng(3)
    breast = draw_breast(rng, masses=draw_masses(rng))
    pixels, lesions = phantom_image(rng, size=1024, view="MLO", laterality="R", breast=breast)
    write_mammogram(tmp_path / "image.dcm", pixels, laterality="R", view="MLO", patient_id="OHIF-PHANTOM")
    (seen,) = look(viewer, tmp_path, [study_of_all_objects(tmp_path / "image.dcm", lesions)])
    assert_mask_is_in_its_place(seen, np.any(lesions, axis=0))
    assert_nothing_left_this_machine(seen, viewer[1])


def test_mask_lies_on_the_mark_whatever_the_header_says_of_directions(viewer, tmp_path):
    predictor = make_predictor(tmp_path)
    studies, drawn = [], []
    for number, given in enumerate(CANARIES):
        path = tmp_path / f"{number}.dcm"
        mark = write_canary(path, given)
        (lesion,) = find_lesions(predictor(path).probability, 0.5)
        assert_on(mark, box(lesion))
        analysis = Analysis(pydicom.dcmread(path, stop_before_pixels=True), [lesion], ALGORITHM, WHEN)
        studies.append(Study(path, build_segmentation(analysis)))
        drawn.append((mark, lesion))
    for seen, (mark, lesion) in zip(look(viewer, tmp_path, studies), drawn, strict=True):
        assert_mask_is_in_its_place(seen, lesion)
        shown = seen.in_canvas(seen.before).min(axis=-1) > 150
        assert (shown & seen.expected(mark)).sum() >= 0.9 * seen.expected(mark).sum(), "the mark is shown elsewhere"


def test_masks_on_real_mammograms_lie_in_their_places(viewer, shared_data, tmp_path):
    paths = [shared_data / "dicom_mg" / name for name in REAL]
    masks = []
    for path in paths:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        mask = np.zeros((header.Rows, header.Columns), np.uint8)
        centre, axes = (header.Columns // 3, header.Rows // 4), (header.Columns // 20, header.Rows // 12)
        masks.append(cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1) > 0)
    studies = [study_of_all_objects(path, [mask]) for path, mask in zip(paths, masks, strict=True)]
    for seen, mask in zip(look(viewer, tmp_path, studies), masks, strict=True):
        assert_mask_is_in_its_place(seen, mask)
        assert_nothing_left_this_machine(seen, viewer[1])


@pytest.mark.parametrize(
    "profile", [SegProfile.VIEWER, pytest.param(SegProfile.STRICT, marks=pytest.mark.slow)], ids=lambda p: p.value
)
def test_kinds_of_segmentation(profile, viewer, tmp_path):
    lesions = np.zeros((2, 60, 50), bool)
    lesions[0, 10:30, 5:15], lesions[1, 40:50, 20:45] = True, True
    studies = []
    for kind in KINDS:
        path = tmp_path / f"{kind.value}.dcm"
        write_mammogram(path, np.full((60, 50), 2000), study=f"{kind.value} {profile.value}")
        source = pydicom.dcmread(path, stop_before_pixels=True)
        analysis = Analysis(source, list(lesions), ALGORITHM, WHEN, probability=0.8 * lesions.any(axis=0))
        studies.append(Study(path, build_segmentation(analysis, kind=kind, profile=profile)))
    for kind, seen in zip(KINDS, look(viewer, tmp_path, studies), strict=True):
        if seen.report["errors"]:
            outcome = meaning(" ".join(seen.report["errors"]))
        else:
            assert_mask_is_in_its_place(seen, lesions.any(axis=0))
            outcome = IN_PLACE
        assert (outcome == BLANK) == (seen.report["text"] == "")
        check("OHIF 3.12.10", kind, profile, outcome)
