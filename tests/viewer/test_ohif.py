"""OHIF, in a real browser before a real archive, shows the mask where the mass is, and nothing leaves this machine."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scipy import ndimage

from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.phantom_breast import draw_breast, draw_view
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.data.phantom_mass import draw_masses
from mammoseg.dicom.seg import SegProfile
from mammoseg.inference.lesions import find_masses
from mammoseg.prediction.options import ObjectKind, Options
from mammoseg.viewer.archive import local_archive
from mammoseg.viewer.server import ViewerServer, serving
from tests.dicom.test_seg_readers import BLANK, IN_PLACE, KINDS, check, meaning
from tests.made_predictor import BrightIsMass
from tests.run_predictor import run_predictor
from tests.test_orientation import CANARIES, assert_on, box, make_predictor, write_canary
from tests.viewer.picture import assert_mask_is_in_its_place, assert_nothing_left_this_machine, look

REAL = [
    "GH133_GE_MLO_jpegls14sv1_12bit.dcm",
    "MG1_J2KI_film_MLO_12bit.dcm",
    "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm",
]


@dataclass
class DrawnIsMass(BrightIsMass):
    """Stands in for a network that sees the masks of these files at 0.8; films are let in.

    Of 0 and 1 alone OHIF would take FRACTIONAL for BINARY.
    """

    masks: dict[Path, np.ndarray] = field(default_factory=dict)

    def __call__(self, path):
        mammogram = read_mammogram(path, modalities=("MG", "RG"))
        return SimpleNamespace(probability=np.float32(0.8) * self.masks[path], mammogram=mammogram, boxes=())


@pytest.fixture(scope="module")
def viewer(ohif):
    """An archive and the viewer before it."""
    with local_archive() as archive, serving(ViewerServer(ohif, archive.url, user=archive.user)) as server:
        yield archive, server


def predict(predictor, paths, output, **options):
    """Each mammogram with what `mammoseg predict` writes of it."""
    run_predictor(predictor, paths, output, options=Options(**options))
    return [[path, *output.glob(f"{path.stem}.*.dcm")] for path in paths]


def test_mask_of_a_phantom_lies_on_its_mass(viewer, tmp_path):
    rng = np.random.default_rng(3)
    breast = draw_breast(rng, masses=draw_masses(rng))
    pixels, lesions = draw_view(rng, size=1024, view="MLO", laterality="R", breast=breast)
    path, mask = tmp_path / "image.dcm", np.any(lesions, axis=0)
    write_mammogram(path, pixels, laterality="R", view="MLO", patient_id="OHIF-PHANTOM")
    studies = predict(DrawnIsMass(masks={path: mask}), [path], tmp_path / "out", objects=tuple(ObjectKind))
    assert len(studies[0]) == 1 + len(ObjectKind)
    (seen,) = look(viewer, tmp_path, studies)
    assert_mask_is_in_its_place(seen, mask)
    assert_nothing_left_this_machine(seen, viewer[1])


def test_mask_lies_on_the_mark_whatever_the_header_says_of_directions(viewer, tmp_path):
    predictor = make_predictor(tmp_path)
    marks = {tmp_path / f"{number}.dcm": given for number, given in enumerate(CANARIES)}
    marks = {path: write_canary(path, given) for path, given in marks.items()}
    studies = predict(predictor, list(marks), tmp_path / "out")
    for seen, (path, mark) in zip(look(viewer, tmp_path, studies), marks.items(), strict=True):
        found = predictor(path)
        (lesion,) = find_masses(found.probability, found.mammogram, threshold=predictor.algorithm.threshold).lesions
        assert_on(mark, box(lesion))
        assert_mask_is_in_its_place(seen, lesion)
        shown = seen.in_canvas(seen.before).min(axis=-1) > 150
        assert (shown & seen.expected(mark)).sum() >= 0.9 * seen.expected(mark).sum(), "the mark is shown elsewhere"


def test_masks_on_real_mammograms_lie_in_their_places(viewer, shared_data, tmp_path):
    masks = {}
    for path in (shared_data / "dicom_mg" / name for name in REAL):
        pixels = read_mammogram(path, modalities=("MG", "RG")).pixels
        row, column = map(round, ndimage.center_of_mass(pixels))  # within the breast: padding is never mass
        axes = (pixels.shape[1] // 20, pixels.shape[0] // 12)
        masks[path] = cv2.ellipse(np.zeros(pixels.shape, np.uint8), (column, row), axes, 0, 0, 360, 1, -1) > 0
    studies = predict(DrawnIsMass(masks=masks), list(masks), tmp_path / "out", objects=tuple(ObjectKind))
    for seen, mask in zip(look(viewer, tmp_path, studies), masks.values(), strict=True):
        assert_mask_is_in_its_place(seen, mask)
        assert_nothing_left_this_machine(seen, viewer[1])


@pytest.mark.parametrize(
    "profile", [SegProfile.VIEWER, pytest.param(SegProfile.STRICT, marks=pytest.mark.slow)], ids=lambda p: p.value
)
def test_kinds_of_segmentation(profile, viewer, tmp_path):
    mask = np.zeros((60, 50), bool)
    mask[10:30, 5:15] = mask[40:50, 20:45] = True
    studies = []
    for kind in KINDS:
        path = tmp_path / f"{kind.value}.dcm"
        pixels = np.pad(np.where(mask, 2200, 2000)[2:-2, 2:-2], 2)  # a breast, and nothing around it
        write_mammogram(path, pixels, study=f"{kind.value} {profile.value}")
        predictor = DrawnIsMass(masks={path: mask})
        studies += predict(predictor, [path], tmp_path / kind.value, kind=kind, profile=profile)
    for kind, seen in zip(KINDS, look(viewer, tmp_path, studies), strict=True):
        if seen.report["errors"]:
            outcome = meaning(" ".join(seen.report["errors"]))
        else:
            assert_mask_is_in_its_place(seen, mask)
            outcome = IN_PLACE
        assert (outcome == BLANK) == ("Masses L CC (AI" not in seen.report["text"])
        check("OHIF 3.12.10", kind, profile, outcome)
