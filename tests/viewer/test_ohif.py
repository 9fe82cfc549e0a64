"""OHIF, in a real browser before a real archive, shows the mask where the mass is, and nothing leaves this machine."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

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
from mammoseg.dicom.write import write_object
from mammoseg.viewer.archive import local_archive
from mammoseg.viewer.server import ViewerServer, serving
from mammoseg.viewer.show import OHIF

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ALGORITHM = Algorithm("unet", "0.1.0", "ab" * 32, 0.5)
AMBER = 40
"""Red and green less blue, of 255, from which a pixel counts as coloured; OHIF fills with half of `OUTLINE_COLOUR`."""

REAL = [
    "GH133_GE_MLO_jpegls14sv1_12bit.dcm",
    "MG1_J2KI_film_MLO_12bit.dcm",
    "edge_cases/OutOfBoundsOverlay_Siemens_CC.dcm",
]

DRIVER = Path(__file__).with_name("open_ohif.mjs")


@dataclass
class Seen:
    """What the browser showed: pictures in blue, green, red without and with the mask, and the driver's report."""

    before: np.ndarray
    after: np.ndarray
    report: dict

    def overlay(self) -> np.ndarray:
        """Pixels of the mammogram that are amber since the segmentation was opened; nothing of OHIF's own is."""
        before, after = (_amber(self.in_canvas(picture)) for picture in (self.before, self.after))
        return (after > AMBER) & (before <= AMBER)

    def in_canvas(self, picture: np.ndarray) -> np.ndarray:
        """Part of a screenshot that shows the mammogram."""
        canvas = self.report["canvas"]
        top, left = round(canvas["top"]), round(canvas["left"])
        return picture[top : top + round(canvas["height"]), left : left + round(canvas["width"])]

    def expected(self, mask: np.ndarray) -> np.ndarray:
        """`mask` (rows, columns) as the canvas shows it: as large as fits, centred, neither turned nor mirrored."""
        height, width = self.in_canvas(self.after).shape[:2]
        scale = min(height / mask.shape[0], width / mask.shape[1])
        left, top = (width - mask.shape[1] * scale) / 2, (height - mask.shape[0] * scale) / 2
        matrix = np.array([[scale, 0, left + scale / 2 - 0.5], [0, scale, top + scale / 2 - 0.5]])
        return cv2.warpAffine(mask.astype(np.float32), matrix, (width, height)) > 0.5


def _amber(picture: np.ndarray) -> np.ndarray:
    blue, green, red = np.moveaxis(picture.astype(int), -1, 0)
    return np.minimum(red, green) - blue


@pytest.fixture(scope="module")
def viewer(ohif):
    """An archive and the viewer before it."""
    with local_archive() as archive, serving(ViewerServer(ohif, archive.url, user=archive.user)) as server:
        yield archive, server


def look(
    viewer, folder: Path, mammogram: Path, lesions: list[np.ndarray], profile: SegProfile = SegProfile.VIEWER
) -> Seen:
    """Store the mammogram, the SEG and all else that is built from it; open them and show the SEG."""
    archive, server = viewer
    source = pydicom.dcmread(mammogram, stop_before_pixels=True)
    analysis = Analysis(source, lesions, ALGORITHM, WHEN)
    segmentation = build_segmentation(analysis, profile=profile)
    capture = build_secondary_capture(analysis, read_mammogram(mammogram, modalities=("MG", "RG")))
    study = archive.store(mammogram)
    for dataset in (segmentation, build_report(analysis, segmentation), capture, build_presentation_state(analysis)):
        path = folder / f"{dataset.SOPInstanceUID}.dcm"
        write_object(dataset, path)
        archive.store(path)
    command = ["node", DRIVER, OHIF.parent / "node_modules", shutil.which("chromium"), server.url, study, folder]
    subprocess.run(command, check=True, timeout=240)
    before, after = (cv2.imread(str(folder / f"{name}.png")) for name in ("before", "after"))  # None where it broke
    return Seen(before, after, json.loads((folder / "report.json").read_text()))


def assert_mask_is_in_its_place(seen: Seen, mask: np.ndarray) -> None:
    assert seen.report["errors"] == []
    expected, overlay = seen.expected(mask), seen.overlay()
    box = cv2.dilate(expected.astype(np.uint8), np.ones((7, 7))).astype(bool)  # OHIF draws a line around the mask
    assert (overlay & expected).sum() >= 0.9 * expected.sum(), "the mask is not fully covered"
    assert not (overlay & ~box).any(), "there is colour where there is no mask"


def assert_nothing_left_this_machine(seen: Seen, viewer) -> None:
    _, server = viewer
    assert len(seen.report["requests"]) > 10
    local = (f"{server.url}/", "data:", f"blob:{server.url}/")
    assert [address for address in seen.report["requests"] if not address.startswith(local)] == []


def test_mask_of_a_phantom_lies_on_its_mass(viewer, tmp_path):
    rng = np.random.default_rng(3)
    breast = draw_breast(rng, masses=draw_masses(rng))
    pixels, lesions = phantom_image(rng, size=1024, view="MLO", laterality="R", breast=breast)
    write_mammogram(tmp_path / "image.dcm", pixels, laterality="R", view="MLO", patient_id="OHIF-PHANTOM")
    seen = look(viewer, tmp_path, tmp_path / "image.dcm", lesions)
    assert_mask_is_in_its_place(seen, np.any(lesions, axis=0))
    assert_nothing_left_this_machine(seen, viewer)


def test_mask_lies_on_a_mark_whatever_the_header_says_of_directions(viewer, tmp_path):
    pixels = np.full((600, 500), 300)
    pixels[60:140, 40:160] = 3600
    directions = {
        "FieldOfViewHorizontalFlip": "YES",
        "FieldOfViewRotation": 180,
        "PatientOrientation": ["A", "FR"],
    }
    write_mammogram(
        tmp_path / "image.dcm", pixels, laterality="R", view="MLO", photometric="MONOCHROME1", attributes=directions
    )
    seen = look(viewer, tmp_path, tmp_path / "image.dcm", [pixels > 2000])
    assert_mask_is_in_its_place(seen, pixels > 2000)
    shown = seen.in_canvas(seen.before).min(axis=-1) > 150
    assert (shown & seen.expected(pixels > 2000)).sum() >= 0.95 * seen.expected(pixels > 2000).sum()


@pytest.mark.slow  # on a busy machine OHIF may still be drawing when it is looked at
@pytest.mark.parametrize("name", REAL)
def test_mask_on_a_real_mammogram_lies_in_its_place(viewer, name, shared_data, tmp_path):
    path = shared_data / "dicom_mg" / name
    header = pydicom.dcmread(path, stop_before_pixels=True)
    mask = np.zeros((header.Rows, header.Columns), np.uint8)
    cv2.ellipse(
        mask, (header.Columns // 3, header.Rows // 4), (header.Columns // 20, header.Rows // 12), 0, 0, 360, 1, -1
    )
    seen = look(viewer, tmp_path, path, [mask > 0])
    assert_mask_is_in_its_place(seen, mask > 0)
    assert_nothing_left_this_machine(seen, viewer)


@pytest.mark.slow
def test_strict_profile_blanks_the_page(viewer, tmp_path):
    write_mammogram(tmp_path / "image.dcm", np.arange(40 * 30).reshape(40, 30), patient_id="OHIF-STRICT")
    lesion = np.zeros((40, 30), bool)
    lesion[10:20, 5:15] = True
    seen = look(viewer, tmp_path, tmp_path / "image.dcm", [lesion], profile=SegProfile.STRICT)
    assert seen.report["text"] == ""
    assert any("PixelMeasures" in message for message in seen.report["console"])
