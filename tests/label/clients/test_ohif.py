"""OHIF in a real browser before the whole server and a real Orthanc: the panel runs a model, a viewer shows its SEG."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import requests
from monailabel.interfaces.exception import ImageNotFoundException

from mammoseg.viewer.archive import LocalArchive
from mammoseg.viewer.server import ViewerServer, serving
from monailabel_app.lib.login.tokens import make_token
from tests.label.bright_model import write_bright_weights
from tests.label.made_store import opened, write_views
from tests.label.real_server import running_server, write_marked
from tests.orthanc import instances_in, orthanc, running_orthanc
from tests.viewer.conftest import ohif
from tests.viewer.picture import DRIVER, assert_mask_is_in_its_place, assert_nothing_left_this_machine, read_seen

__all__ = ["ohif", "orthanc", "running_orthanc"]

PANEL_DRIVER = Path(__file__).with_name("open_panel.mjs")

SECONDS = 300
"""Most that a browser may take, by its own limits; 15 to 30 s are usual on two cores."""


@pytest.fixture
def study(orthanc: LocalArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pydicom.Dataset, np.ndarray]:
    """A mammogram with a bright mark, in Orthanc, and the mark as a mask."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    image, mark = write_marked(tmp_path / "image.dcm", (600, 500))
    orthanc.store(tmp_path / "image.dcm")
    return image, mark


@pytest.fixture
def url(orthanc: LocalArchive, study: tuple[pydicom.Dataset, np.ndarray], tmp_path: Path) -> Iterator[str]:
    weights = write_bright_weights(tmp_path / "bright.pt")
    with running_server(orthanc.dicomweb, tmp_path / "state", weights=f"unet={weights}") as url:
        yield url


def browse(driver: Path, ohif: Path, *arguments: str, output: Path, token: str = "") -> dict:
    """Run a driver and return its report."""
    modules = ohif.parent / "node_modules"
    command = ["node", str(driver), str(modules), str(shutil.which("chromium")), *arguments, str(output), token]
    subprocess.run(command if token else command[:-1], check=True, timeout=SECONDS)
    return json.loads((output / "report.json").read_text())


def panel_of(url: str, image: pydicom.Dataset) -> str:
    """Address of the panel, as docs/label.md gives it."""
    return f"{url}/ohif/monai-label?StudyInstanceUIDs={image.StudyInstanceUID}&hangingProtocolId=default"


def test_the_panel_connects_shows_the_mammogram_and_runs_the_model(ohif, url, study, tmp_path):
    image, _ = study
    report = browse(PANEL_DRIVER, ohif, panel_of(url, image), output=tmp_path)
    assert report["errors"] == []
    assert report["status"] == 200, "the panel names the series; it has one image"
    assert "Auto-Segmentation" in report["text"] and "unet" in report["text"]
    assert any("Volume Object is NOT In Cache" in line for line in report["console"]), (
        "the panel of this build draws masks of volumes only; where it draws this one, docs/label.md must say so"
    )
    local = (f"{url}/", "data:", f"blob:{url}/")
    assert [address for address in report["answers"] if not address.startswith(local)] == []


@pytest.mark.parametrize("has_others", [False, True], ids=["one image", "several"])
def test_the_series_that_the_panel_names_stands_for_its_image_where_it_has_one(tmp_path, has_others):
    paths = write_views(tmp_path / "studies", attributes={"SeriesInstanceUID": "1.2.3.4"} if has_others else None)
    series = str(pydicom.dcmread(paths[0], stop_before_pixels=True).SeriesInstanceUID)
    with opened(tmp_path / "studies", tmp_path / "state") as store:
        store.list_images()
        if has_others:
            with pytest.raises(ImageNotFoundException):
                store.get_image_uri(series)
        else:
            assert store.get_image_uri(series) == str(paths[0])


def test_with_a_login_the_browser_is_led_to_it_and_then_does_the_same(ohif, url, study, tmp_path):
    image, _ = study
    token = make_token(tmp_path / "state" / "tokens.json", name="Ada", role="viewer")
    assert requests.get(f"{url}/proxy/dicom/qido/studies", timeout=30).status_code == 401
    report = browse(PANEL_DRIVER, ohif, panel_of(url, image), output=tmp_path, token=token)
    assert report["errors"] == []
    before, after, left = (address.removeprefix(url) for address in report["led"])
    assert (before, after) == ("/login?next=/ohif/", "/ohif/")
    assert image.PatientID in report["list"] and report["status"] == 200
    assert left.startswith("/login?next=/ohif/monai-label%3FStudyInstanceUIDs"), "the button ended the session"


def test_a_mask_of_the_model_saved_as_it_is_lies_on_the_mammogram_in_the_current_viewer(
    ohif, url, orthanc, study, tmp_path
):
    image, mark = study
    mask = requests.post(f"{url}/infer/unet?image={image.SOPInstanceUID}&output=image", timeout=60).content
    files = {"label": ("mask.nii.gz", mask)}
    assert requests.put(f"{url}/datastore/label?image={image.SOPInstanceUID}", files=files, timeout=60).ok
    deadline = time.monotonic() + 30
    while instances_in(orthanc) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    with serving(ViewerServer(ohif, orthanc.url, user=orthanc.user)) as server:
        browse(DRIVER, ohif, server.url, str(image.StudyInstanceUID), output=tmp_path)
        seen = read_seen(tmp_path)
        assert_nothing_left_this_machine(seen, server)
    assert_mask_is_in_its_place(seen, mark)
    assert seen.overlay().sum() > 0.9 * seen.expected(mark).sum() > 1000, "pixels of the screen"
