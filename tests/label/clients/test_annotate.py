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
import nibabel
import numpy as np
import pydicom
import pytest
import requests

from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.provenance import FILM_WARNING, PHANTOM_WARNING
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

COLOURED = 20
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
        command = ["node", str(DRIVER), str(OHIF.parent / "node_modules"), chromium, url, str(tmp_path)]
        lines = "".join(f"{json.dumps(step)}\n" for step in plan)
        subprocess.run(command, input=lines, text=True, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)
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
    weights = write_bright_weights(tmp_path / "bright.pt", source="phantom")
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


def grey(picture: Path, corners: list[list[float]], shape: tuple[int, int]) -> np.ndarray:
    """Grey of the pixels of the mammogram in a screenshot, 0 to 255, where no mark of the page lies: a part without."""
    (x0, y0), (x1, y1) = corners
    rows, columns = np.indices(shape)[:, 230:290, 20:100]
    y, x = (y0 + rows * (y1 - y0)).astype(int), (x0 + columns * (x1 - x0)).astype(int)
    return cv2.imread(str(picture)).astype(int)[y, x].mean(axis=-1)


def test_who_logs_in_gets_a_case_corrects_the_proposal_and_saves_what_is_shown(drive, served, tmp_path):
    """The proposal is corrected, a second mass drawn, and a third that touches it: each is a segment of its own."""
    token = make_token(served.state / "tokens.json", name="Ada", role="annotator")
    report = drive(
        served.url,
        *(["resize", 1600, 1600], ["login", token], ["ready"], ["key", "n", "v"], ["picture", "proposal"]),
        *(["key", "a", "b"], ["drag", [200, 60], [200, 120]], ["key", "a"], ["drag", [200, 120], [230, 120]]),
        *(
            ["choose", "#masses li:nth-child(3) select", "4B"],
            ["key", "Escape", "1", "e"],
            ["drag", [60, 70], [90, 70]],
        ),
        *(
            ["key", "c"],
            ["picture", "corrected"],
            ["key", "s"],
            ["tell", "status", "#status"],
            ["tell", "case", "#case"],
        ),
        *(["key", "n"], ["tell", "next", "#case"], ["key", "l"], ["tell", "list", "#case-list"]),
    )
    assert report["led"] == f"{served.url}/login?next=/annotate/"
    (sent,) = report["saved"]
    image, mark = served.images[sent["image"]]
    shape = mark.shape
    ask = {"image": sent["image"], "model": "unet"}
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{served.url}/annotate/api/propose", json=ask, headers=headers, timeout=60).json()
    (proposed,) = (RunLengths.from_json(**mask).to_mask(shape) for mask in answer["masks"])
    assert (coloured(tmp_path / "proposal.png", report["told"]["proposal"], shape) == proposed).all()
    segmentation = segmentation_of(served, sent["image"])
    segments = segmentation.SegmentSequence
    assert [segment.SegmentAlgorithmType for segment in segments] == ["SEMIAUTOMATIC", "MANUAL", "MANUAL"]
    assert [segment.get("SegmentDescription") for segment in segments] == [None, None, "BI-RADS 4B"]
    frames = segmentation.pixel_array.astype(bool)
    masks = [RunLengths.from_json(**mass["mask"]).to_mask(shape) for mass in sent["masses"]]
    assert all((frame == mask).all() for frame, mask in zip(frames, masks, strict=True)), "pixel by pixel what was sent"
    assert cv2.connectedComponents((masks[1] | masks[2]).astype(np.uint8))[0] == 2, "these touch"
    mask = mask_in(segmentation)
    assert mask[200, 90] and not mask[75, 70] and mark[75, 70]
    assert (coloured(tmp_path / "corrected.png", report["told"]["corrected"], shape) == mask).all(), "and shown"
    assert report["told"]["status"].startswith("Saved.")
    assert report["told"]["case"] == f"{sent['image']}, 1 of 2 labelled"
    other = next(uid for uid in served.images if uid != sent["image"])
    assert report["told"]["next"].startswith(other)
    assert f"{sent['image']}: labelled" in report["told"]["list"] and f"{other}: no label" in report["told"]["list"]
    (of_day,) = json.loads((served.state / "effort.json").read_text()).values()
    effort = of_day["annotator"]
    assert effort["labels"] == 1 and effort["prompts"]["sum"] == effort["corrections"]["sum"] == 0
    assert effort["strokes"] == {"sum": 3, "labels": 1}, "two of the brush, one of the eraser"
    kept = 2 * (proposed & mask).sum() / (proposed.sum() + mask.sum())
    assert (
        effort["kept"] == {"sum": pytest.approx(kept, abs=1e-4), "labels": 1} and 0 < effort["seconds"]["sum"] < SECONDS
    )


def test_nothing_is_lost_and_everything_can_be_done_and_undone(drive, served, tmp_path):
    """One visit, for a browser takes seconds to start: what each step must lead to stands below, in its order."""
    other = next(iter(served.images))
    report = drive(
        served.url,
        *(["ready"], ["key", "n"], ["tell", "case", "#case"], ["tell", "view", "#label-main"]),
        *(["tell", "beside", "#label-beside"], ["place", "hung"], ["key", "v"]),
        *(["key", "a", "b", "Enter", "1", "p"], ["click", [180, 100]], ["click", [220, 100]], ["click", [220, 140]]),
        *(["key", "Space"], ["key", "u", "u", "u"], ["key", "s"], ["key", "Control+y", "y", "y", "q"]),
        *(["choose", "#masses li:nth-child(2) select", "4B"], ["outside", "cut off"], ["picture", "whole"], ["reload"]),
        *(["tell", "warning", "#warning"],),
        *(["tell", "reloaded", "#status"], ["key", "l"], ["tell", "list", "#case-list"], ["key", "Escape"]),
        *(["offline", True], ["choose", "#save"], ["tell", "away", "#status"], ["offline", False]),
        *(["choose", "#save"], ["tell", "readers", "#readings"], ["key", "d"], ["tell", "withdrawn", "#status"]),
        *(["key", "k"], ["type", "#reason", "an implant"], ["choose", "#skip-form button"], ["tell", "next", "#case"]),
        *(["key", "Delete", "c"], ["click", [70, 100]], ["click", [130, 70], True], ["key", "s"]),
        *(["key", "m", "s"], ["tell", "no mass", "#status"], ["key", "n"], ["tell", "left", "#status"]),
        *(["key", "v"], ["place", "fitted"], ["picture", "plain"], ["key", "i"], ["picture", "inverted"], ["key", "w"]),
        *(["drag", [100, 100], [140, 140]], ["picture", "windowed"], ["key", "h"], ["drag", [100, 100], [100, 130]]),
        *(["place", "panned"], ["key", "+", "+", "-"], ["place", "zoomed"], ["key", "]", "}", "0"]),
        *(["place", "reset"], ["picture", "again"], ["key", "b"], ["move", [150, 120]]),
        *(["key", "+", "+", "+", "+"], ["place", "close"], ["key", *50 * ["ArrowLeft"]], ["place", "followed"]),
        *(["key", "Shift+?"], ["tell", "help", "#help"]),
    )
    told, (first, away, kept, clicked, none) = report["told"], report["saved"]
    image = told["case"].partition(",")[0]
    assert {told["view"], told["beside"]} == {"R CC", "R MLO"}
    assert told["hung"][1] < 0, "a right breast that is stored with the chest wall on the left is mirrored"
    assert told["hung"][2] == (told["beside"] == "R CC"), "CC hangs left of MLO"
    assert told["cut off"] == [], "at 1280 x 720 all buttons and fields are to be seen, and the warnings"
    assert told["warning"] == f"unet: {PHANTOM_WARNING} click_unet: {FILM_WARNING}"
    shape = served.images[image][1].shape
    proposed, polygon = (RunLengths.from_json(**one["masses"][0]["mask"]).to_mask(shape) for one in (first, kept))
    added = polygon & ~proposed
    assert len(first["masses"]) == 1 and not (proposed & ~polygon).any(), "undone: the proposal alone"
    assert added[215, 110] and not added[190, 130] and 700 < added.sum() < 900, "a triangle of 40 x 40 / 2"
    brush = RunLengths.from_json(**kept["masses"][1]["mask"]).to_mask(shape)
    assert brush[150, 120] and brush.sum() == 441, "a disc of radius 12 at the cross, by keys alone"
    assert [mass["assessment"] for mass in kept["masses"]] == ["", "4B"]
    assert told["reloaded"] == "Your unsaved work is here again." and away == kept
    assert f"{image}: labelled, unsaved work of yours" in told["list"]
    assert told["away"].startswith("The server does not answer. Your work is kept here")
    assert told["readers"] == "local: 2 masses" and told["withdrawn"].startswith("Withdrawn; your label before it")
    assert not told["next"].startswith(image) and none["no_mass"] and none["masses"] == []
    assert not mask_in(segmentation_of(served, none["image"])).any()
    outlined = RunLengths.from_json(**clicked["masses"][0]["mask"]).to_mask(shape)
    assert outlined[70, 100] and not outlined[130, 70], "what an interactive model makes of a click in and one out"
    assert told["left"] == "There is no such case left.", "one is skipped, one has a label"
    assert "brush" in told["help"] and other in served.images
    plain, inverted, windowed, again = (
        grey(tmp_path / f"{name}.png", told[name], shape) for name in ("plain", "inverted", "windowed", "again")
    )
    assert abs(plain + inverted - 255).max() <= 2, "white for black"
    assert abs(windowed - inverted).max() > 10 and abs(again - plain).max() <= 2
    (x, scale, _), (panned_x, panned_scale, _) = told["fitted"], told["panned"]
    assert panned_x - x == pytest.approx(30 * scale, abs=1) and panned_scale == pytest.approx(scale)
    assert told["zoomed"][1] == pytest.approx(1.25 * 1.25 * 0.8 * scale), "without a wheel"
    assert told["reset"][:2] == pytest.approx(told["fitted"][:2])
    assert told["followed"][0] > told["close"][0] + 5, "the image follows the cross out of the window"


def test_a_second_reader_sees_nothing_of_the_first_and_who_has_a_case_is_said(drive, served, tmp_path):
    ada, grace = (make_token(served.state / "tokens.json", name=name, role="annotator") for name in ("Ada", "Grace"))
    image, read = served.images
    headers = {"Authorization": f"Bearer {ada}"}
    mark = np.zeros_like(served.images[read][1])
    mark[200:220, 60:80] = True
    label = {"image": read, "masses": [{"mask": vars(RunLengths.from_mask(mark))}]}
    assert requests.post(f"{served.url}/annotate/api/save", json=label, headers=headers, timeout=60).ok
    requests.post(f"{served.url}/annotate/api/open", json={"image": image}, headers=headers, timeout=60)
    report = drive(
        served.url,
        *(["login", grace], ["ready"], ["key", "l"], ["open", image], ["tell", "held", "#status"]),
        *(["key", "b", "Enter"], ["tell", "masses", "#masses"], ["key", "s"]),
        *(
            ["choose", "#strategy", ""],
            ["key", "Escape", "n"],
            ["tell", "case", "#case"],
            ["tell", "blind", "#readings"],
        ),
        *(
            ["second tab"],
            ["end login", grace],
            ["tell", "again", "#case"],
            ["key", "s"],
            ["tell", "readers", "#readings"],
        ),
        *(["axe", "page"], ["key", "?"], ["axe", "help"], ["key", "Escape", "k"], ["axe", "skip"]),
        *(["key", "Escape", "l"], ["axe", "list"]),
    )
    told = report["told"]
    assert told["held"] == "Ada has this case; you can look, not draw." and told["masses"] == ""
    assert told["case"].startswith(read) and told["blind"] == "" and told["again"].startswith(read)
    assert told["second tab"] == "Another tab has this case; you can look, not draw."
    assert {sent["image"] for sent in report["saved"]} == {read}, "of the case that another has nothing was sent"
    (mass,) = report["saved"][-1]["masses"]
    assert not (RunLengths.from_json(**mass["mask"]).to_mask(mark.shape) & mark).any(), (
        "the model's, not the other reader's"
    )
    assert told["readers"].splitlines() == ["Ada: 1 mass", "Grace: 1 mass", "Ada and Grace: Dice 0.00"]
    names = ("page", "help", "skip", "list")
    assert [line for name in names for line in told[name] if line[1] in ("serious", "critical")] == []


def test_pictures_of_a_folder_are_outlined_as_dicom_is(drive, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "films"
    folder.mkdir()
    film = np.zeros((300, 240), np.uint8)
    film[5:-5, 5:200] = 90 + np.arange(195) % 50
    for name in ("P_1_LEFT_CC", "P_1_LEFT_MLO", "P_1_RIGHT_CC"):
        cv2.imwrite(str(folder / f"{name}.png"), film)
    with running_server(str(folder), tmp_path / "state") as url:
        report = drive(
            url,
            *(["ready"], ["choose", "#strategy", "first"], ["key", "Escape", "n"], ["tell", "case", "#case"]),
            *(
                ["tell", "view", "#label-main"],
                ["place", "left"],
                ["tell", "beside", "#label-beside"],
                ["key", "v"],
                ["tell", "next beside", "#label-beside"],
            ),
            *(["key", "b", "Enter", "a"], ["drag", [120, 90], [170, 90]], ["key", "s"], ["tell", "status", "#status"]),
            *(["key", "n", "n"], ["place", "right"]),
        )
    told, (sent,) = report["told"], report["saved"]
    assert told["case"].startswith("P_1_LEFT_CC") and told["view"] == "L CC"
    assert (told["beside"], told["next beside"]) == ("L MLO", "R CC"), "the same breast first"
    assert told["left"][1] > 0 > told["right"][1], "the left breast as it is stored, the right one mirrored"
    (path,) = tmp_path.glob("state/datastore/*/labels/final/*.nii.gz")
    values = nibabel.load(path).get_fdata()[..., 0].T
    masks = [RunLengths.from_json(**mass["mask"]).to_mask(film.shape) for mass in sent["masses"]]
    assert len(masks) == 2 and all((values == number).sum() == mask.sum() > 100 for number, mask in enumerate(masks, 1))
    assert all((values[mask] == number).all() for number, mask in enumerate(masks, 1)), "pixel by pixel what was sent"
