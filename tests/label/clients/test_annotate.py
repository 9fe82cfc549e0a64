"""The page to annotate in a real browser before the whole server and a real Orthanc, or a folder of pictures."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
import requests

from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.viewer.archive import LocalArchive
from mammoseg.viewer.show import OHIF
from monailabel_app.lib.login.tokens import make_token
from monailabel_app.lib.server.routes.annotate import BUILT
from tests.label.bright_model import write_bright_weights
from tests.label.real_server import running_server, write_marked
from tests.orthanc import orthanc, running_orthanc

__all__ = ["orthanc", "running_orthanc"]

DRIVER = Path(__file__).with_name("annotate.mjs")

SECONDS = 240
"""Most that a browser may take, by its own limits; 5 to 15 s are usual on two cores."""

COLOURED = 35
"""Difference of the channels of a pixel, of 255, from which it is no grey: a mass has a fill over the grey."""

Drive = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Served:
    """A label server, and the files of its archive."""

    url: str
    state: Path
    images: dict[str, tuple[pydicom.Dataset, np.ndarray]]


@pytest.fixture(scope="session")
def page() -> Path:
    """The page, with all that shows it; what is missing skips a test and names itself, in CI it fails."""
    missing = [program for program in ("Orthanc", "chromium", "node") if shutil.which(program) is None]
    missing += [] if BUILT.is_dir() else ["the page (make annotate)"]
    missing += [] if (OHIF.parent / "node_modules").is_dir() else ["what drives Chromium (make viewer)"]
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {', '.join(missing)}")
    return BUILT


@pytest.fixture
def drive(page: Path, tmp_path: Path) -> Drive:
    """Run a plan on the page of a server and return the report."""

    def run(url: str, *plan: list[Any]) -> dict[str, Any]:
        chromium = str(shutil.which("chromium"))
        command = ["node", str(DRIVER), str(OHIF.parent / "node_modules"), chromium, url, json.dumps(plan)]
        subprocess.run([*command, str(tmp_path)], check=True, timeout=SECONDS)
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["errors"] == []
        local = (f"{url}/", "data:", f"blob:{url}/")
        assert [address for address in report["requests"] if not address.startswith(local)] == []
        assert not [line for line in report["console"] if "Content Security Policy" in line]
        return report

    return run


@pytest.fixture
def served(orthanc: LocalArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Two views of a right breast with a bright mark, in Orthanc, behind a server whose model finds what is bright."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    images = {}
    for view in ("CC", "MLO"):
        path = tmp_path / f"{view}.dcm"
        image, mark = write_marked(path, (300, 240), view=view)
        orthanc.store(path)
        images[str(image.SOPInstanceUID)] = image, mark
    weights = write_bright_weights(tmp_path / "bright.pt")
    state = tmp_path / "state"
    with running_server(orthanc.dicomweb, state, weights=f"unet={weights}") as url:
        yield Served(url, state, images)


def segmentation_of(served: Served, image: str) -> pydicom.Dataset:
    """The newest SEG of an image that the server wrote."""
    found = [pydicom.dcmread(path) for path in sorted(served.state.glob("datastore/*/labels/final/*.dcm"))]
    of_image = [
        one
        for one in found
        if one.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == image
    ]
    return max(of_image, key=lambda one: (one.ContentDate, one.ContentTime))


def mask_in(segmentation: pydicom.Dataset) -> np.ndarray:
    """All its segments together, bool (rows, columns)."""
    return segmentation.pixel_array.reshape(-1, segmentation.Rows, segmentation.Columns).any(axis=0)


def coloured(picture: Path, corners: list[list[float]], shape: tuple[int, int]) -> np.ndarray:
    """Which pixels of the mammogram a screenshot shows in colour, looked up at the centre of each."""
    (x0, y0), (x1, y1) = corners
    rows, columns = np.indices(shape)
    y, x = (y0 + rows * (y1 - y0)).astype(int), (x0 + columns * (x1 - x0)).astype(int)
    seen = cv2.imread(str(picture)).astype(int)[y, x]
    return seen.max(axis=-1) - seen.min(axis=-1) > COLOURED


def test_who_logs_in_gets_a_case_corrects_the_proposal_and_saves_what_is_shown(drive, served, tmp_path):
    token = make_token(served.state / "tokens.json", name="Ada", role="annotator")
    report = drive(
        served.url,
        *(["resize", 1280, 1400], ["login", token], ["ready"], ["key", "n"], ["picture", "proposal"]),
        *(["key", "b"], ["drag", [200, 60], [200, 120]], ["key", "e"], ["drag", [60, 70], [90, 70]]),
        *(["key", "c"], ["picture", "corrected"], ["key", "s"], ["tell", "status", "#status"]),
        *(
            ["tell", "case", "#case"],
            ["key", "n"],
            ["tell", "next", "#case"],
            ["key", "l"],
            ["tell", "list", "#case-list"],
        ),
    )
    assert report["led"] == f"{served.url}/login?next=/annotate/"
    (sent,) = report["saved"]
    image, mark = served.images[sent["image"]]
    shape = mark.shape
    ask = {"image": sent["image"], "model": "unet"}
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{served.url}/annotate/api/propose", json=ask, headers=headers, timeout=60).json()
    (proposed,) = (RunLengths.from_json(**mask).mask(shape) for mask in answer["masks"])
    assert (coloured(tmp_path / "proposal.png", report["told"]["proposal"], shape) == proposed).all()
    mask = mask_in(segmentation_of(served, sent["image"]))
    assert mask[200, 90] and not mask[75, 70] and mark[75, 70]
    assert (RunLengths.from_json(**sent["masses"][0]["mask"]).mask(shape) == mask).all(), "pixel by pixel what was sent"
    assert (coloured(tmp_path / "corrected.png", report["told"]["corrected"], shape) == mask).all(), "and shown"
    assert report["told"]["status"].startswith("Saved.")
    assert report["told"]["case"] == f"{sent['image']}, 1 of 2 labelled"
    other = next(uid for uid in served.images if uid != sent["image"])
    assert report["told"]["next"].startswith(other)
    assert f"{sent['image']}: labelled" in report["told"]["list"] and f"{other}: no label" in report["told"]["list"]


def test_nothing_is_lost_and_everything_can_be_done_and_undone(drive, served, tmp_path):
    """One visit, for a browser takes seconds to start: what each step must lead to stands below, in its order."""
    other = next(iter(served.images))
    report = drive(
        served.url,
        *(["ready"], ["key", "n", "v"], ["tell", "case", "#case"], ["tell", "beside", "#label-beside"], ["key", "v"]),
        *(["key", "a", "b", "Enter", "1", "p"], ["click", [180, 100]], ["click", [220, 100]], ["click", [220, 140]]),
        *(["key", "Space"], ["key", "u", "u", "u"], ["key", "s"], ["key", "Control+y", "y", "y", "q"]),
        *(["choose", "#masses li:nth-child(2) select", "4B"], ["reload"], ["tell", "reloaded", "#status"]),
        *(["offline", True], ["choose", "#save"], ["tell", "away", "#status"], ["offline", False]),
        *(["choose", "#save"], ["tell", "readers", "#readings"], ["key", "d"], ["tell", "withdrawn", "#status"]),
        *(["key", "k"], ["type", "#reason", "an implant"], ["choose", "#skip-form button"], ["tell", "next", "#case"]),
        *(["key", "m", "s"], ["tell", "no mass", "#status"], ["key", "n"], ["tell", "left", "#status"]),
        *(["key", "i", "w"], ["drag", [100, 100], [140, 140]], ["key", "h"], ["drag", [100, 100], [140, 140]]),
        *(["key", "+", "+", "-", "]", "}", "0", "Shift+?"], ["tell", "help", "#help"]),
    )
    told, (first, away, kept, none) = report["told"], report["saved"]
    image = told["case"].partition(",")[0]
    assert told["beside"] in ("R CC", "R MLO")
    shape = served.images[image][1].shape
    proposed, polygon = (RunLengths.from_json(**one["masses"][0]["mask"]).mask(shape) for one in (first, kept))
    added = polygon & ~proposed
    assert len(first["masses"]) == 1 and not (proposed & ~polygon).any(), "undone: the proposal alone"
    assert added[215, 110] and not added[190, 130] and 700 < added.sum() < 900, "a triangle of 40 x 40 / 2"
    brush = RunLengths.from_json(**kept["masses"][1]["mask"]).mask(shape)
    assert brush[150, 120] and brush.sum() == 441, "a disc of radius 12 at the cross, by keys alone"
    assert [mass["assessment"] for mass in kept["masses"]] == ["", "4B"]
    assert told["reloaded"] == "Your unsaved work is here again." and away == kept
    assert told["away"].startswith("The server does not answer. Your work is kept here")
    assert told["readers"] == "local: 2 masses" and told["withdrawn"].startswith("Withdrawn; your label before it")
    assert not told["next"].startswith(image) and none["no_mass"] and none["masses"] == []
    assert not mask_in(segmentation_of(served, none["image"])).any()
    assert told["left"] == "There is no such case left.", "one is skipped, one has a label"
    assert "brush" in told["help"] and other in served.images


def test_a_case_that_another_reader_or_another_tab_has_can_be_looked_at_only(drive, served, tmp_path):
    ada, grace = (make_token(served.state / "tokens.json", name=name, role="annotator") for name in ("Ada", "Grace"))
    image = next(iter(served.images))
    headers = {"Authorization": f"Bearer {ada}"}
    requests.post(f"{served.url}/annotate/api/open", json={"image": image}, headers=headers, timeout=60)
    report = drive(
        served.url,
        *(
            ["login", grace],
            ["ready"],
            ["key", "l"],
            ["open", image],
            ["tell", "held", "#status"],
            ["key", "b", "Enter"],
        ),
        *(["tell", "masses", "#masses"], ["key", "s"], ["key", "n"], ["tell", "case", "#case"], ["second tab"]),
        *(["axe", "page"], ["key", "l"], ["axe", "list"]),
    )
    told = report["told"]
    assert told["held"] == "Ada has this case; you can look, not draw." and told["masses"] == ""
    assert report["saved"] == [] and not told["case"].startswith(image)
    assert told["second tab"] == "Another tab has this case; you can look, not draw."
    serious = [line for name in ("page", "list") for line in told[name] if line[1] in ("serious", "critical")]
    assert serious == []
