"""OHIF in a real browser before the whole server and a real Orthanc: the panel runs a model, a viewer shows its SEG."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
import requests

from mammoseg.viewer.archive import Archive
from mammoseg.viewer.server import ViewerServer, serving
from tests.label.bright_model import write_bright_weights
from tests.label.real_server import running_server, write_marked
from tests.orthanc import dicomweb_address, orthanc, running_orthanc
from tests.viewer.conftest import ohif
from tests.viewer.test_ohif import DRIVER, Seen, assert_mask_is_in_its_place

__all__ = ["ohif", "orthanc", "running_orthanc"]

PANEL_DRIVER = Path(__file__).with_name("open_panel.mjs")

SECONDS = 240
"""Most that a browser may take; 15 to 30 s are usual on two cores."""


@pytest.fixture
def study(orthanc: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pydicom.Dataset, np.ndarray]:
    """A mammogram with a bright mark, in Orthanc, and the mark as a mask."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    image, mark = write_marked(tmp_path / "image.dcm", (600, 500))
    orthanc.store(tmp_path / "image.dcm")
    return image, mark


@pytest.fixture
def url(orthanc: Archive, study: tuple[pydicom.Dataset, np.ndarray], tmp_path: Path) -> Iterator[str]:
    weights = write_bright_weights(tmp_path / "bright.pt")
    with running_server(dicomweb_address(orthanc), tmp_path / "state", weights=f"unet={weights}") as url:
        yield url


def browse(driver: Path, ohif: Path, *arguments: str, output: Path) -> dict:
    """Run a driver and return its report."""
    modules = ohif.parent / "node_modules"
    command = ["node", str(driver), str(modules), str(shutil.which("chromium")), *arguments, str(output)]
    subprocess.run(command, check=True, timeout=SECONDS)
    return json.loads((output / "report.json").read_text())


def test_the_panel_connects_shows_the_mammogram_and_runs_the_model(ohif, url, study, tmp_path):
    image, _ = study
    page = f"{url}/ohif/monai-label?StudyInstanceUIDs={image.StudyInstanceUID}&hangingProtocolId=default"
    report = browse(PANEL_DRIVER, ohif, page, output=tmp_path)
    assert report["errors"] == []
    assert report["status"] == 200, "the panel names the series; it has one image"
    assert "Auto-Segmentation" in report["text"] and "unet" in report["text"]
    assert any("Volume Object is NOT In Cache" in line for line in report["console"]), (
        "the panel of this build draws masks of volumes only; where it draws this one, docs/label.md must say so"
    )
    local = (f"{url}/", "data:", f"blob:{url}/")
    assert [address for address in report["answers"] if not address.startswith(local)] == []


def test_the_models_seg_lies_on_the_mammogram_in_the_current_viewer(ohif, url, orthanc, study, tmp_path):
    image, mark = study
    answer = requests.post(f"{url}/infer/unet?image={image.SOPInstanceUID}&output=dicom_seg", timeout=60)
    assert answer.ok and answer.headers["Content-Type"] == "application/dicom"
    (tmp_path / "model.dcm").write_bytes(answer.content)
    orthanc.store(tmp_path / "model.dcm")
    with serving(ViewerServer(ohif, orthanc.url, user=orthanc.user)) as server:
        report = browse(DRIVER, ohif, server.url, str(image.StudyInstanceUID), output=tmp_path)
    before, after = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("before", "after"))
    mask = pydicom.dcmread(tmp_path / "model.dcm").pixel_array.reshape(-1, *mark.shape).any(axis=0)
    assert 2 * (mask & mark).sum() / (mask.sum() + mark.sum()) > 0.95
    assert_mask_is_in_its_place(Seen(before, after, report), mask)
