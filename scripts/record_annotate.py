"""Record what `make label` and `/annotate/` do: five cases outlined in headless Chromium, with screenshots and seconds.

A simulated reader (`mammoseg.interactive.simulate`), who knows the truth, logs in and takes one case after the other:
removes what is no mass, clicks into each mass that was not proposed, corrects by clicks until Dice is 0.8, and saves.

Usage: python scripts/record_annotate.py phantoms|films [--films ../shared/data/cbis_ddsm_736] [--output docs/images]
"""

import csv
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from checkout import ROOT

from mammoseg.command_line import run_script
from mammoseg.data.masks import read_mask
from mammoseg.data.phantom import generate_cohort
from mammoseg.dicom.read import read_texts
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.interactive.simulate import correcting_click, first_click, masses_of
from mammoseg.metrics.overlap import compute_dice
from mammoseg.viewer.show import OHIF
from monailabel_app.lib.login.tokens import make_token
from scripts.label import SEED

DRIVER = ROOT / "tests" / "label" / "clients" / "annotate.mjs"
CASES = 5
PATIENTS = 4
GOOD = 0.8
"""Dice from which a mass is left as it is."""

MOST_CLICKS = 5
"""Of one mass."""

LEAST_SHARE = 0.1
"""Of a mass that an outline must hold to be about it."""

JPEG_QUALITY = 70


@dataclass(frozen=True)
class Outlined:
    """What became of one case."""

    image: str
    masses: int
    clicks: int
    removed: int
    dice: float
    seconds: float


class Page:
    """The page in a browser, told step by step what to do; see tests/label/clients/annotate.mjs."""

    def __init__(self, driver: subprocess.Popen[str], report: Path) -> None:
        self._driver, self._report = driver, report
        self._proposed: list[Mapping[str, Any]] = []

    def do(self, *step: Any) -> dict[str, Any]:
        """Do one step and return what steps told so far.

        Raises:
            MammosegError: it cannot be done.
        """
        assert self._driver.stdin is not None and self._driver.stdout is not None
        self._driver.stdin.write(json.dumps(step) + "\n")
        self._driver.stdin.flush()
        if not (line := self._driver.stdout.readline()):
            self._driver.wait()
            raise MammosegError(f"the browser ended: {json.loads(self._report.read_text())['errors']}")
        answer = json.loads(line)
        self._proposed = (answer.get("proposed") or {}).get("masks", [])
        return answer["told"]

    def tell(self, selector: str) -> str:
        """The text of a part of the page."""
        return self.do("tell", "text", selector)["text"]

    def labels(self, shape: tuple[int, int]) -> np.ndarray:
        """What is outlined now: numbers of the masses, ``(rows, columns)``, 0 for none."""
        labels = np.zeros(shape, np.uint8)
        if draft := self.do("draft")["draft"]:
            pairs = np.reshape(draft["pairs"], (-1, 2))
            return np.repeat(pairs[:, 0].astype(np.uint8), pairs[:, 1]).reshape(shape)
        for number, mask in enumerate(self._proposed, start=1):
            labels[RunLengths.from_json(**mask).mask(shape) & (labels == 0)] = number
        return labels


def record(what: str, films: str = "../shared/data/cbis_ddsm_736", output: str = "docs/images") -> None:
    """Record five cases and print a table of them.

    Args:
        what: phantoms, by `make label`, or films, by `make label FOLDER=`.
        films: folder of CBIS-DDSM at 736, with ``images``, ``masks`` and ``index.csv``.
        output: folder of the screenshots, ``annotate_{phantom,film}_N.jpg`` and ``annotate_list.jpg``.
    """
    if what not in ("phantoms", "films"):
        raise WrongCallError(f"what is '{what}'; it must be phantoms or films.")
    with tempfile.TemporaryDirectory(prefix="mammoseg-record-") as name:
        folder = Path(name)
        if what == "films":
            truth, arguments = _films(Path(films), folder), [f"--folder={folder / 'films'}"]
        else:
            truth, arguments = _phantoms(folder), [f"--patients={PATIENTS}"]
        token = make_token(folder / "kept" / "state" / "tokens.json", name="reader", role="annotator")
        with _label_server([*arguments, f"--keep={folder / 'kept'}"]) as url, _page(url, folder) as page:
            page.do("login", token)
            page.do("ready")
            page.do("choose", "#strategy", "first")
            page.do("key", "Escape")
            done = [_one_case(page, truth, number, folder) for number in range(1, CASES + 1)]
            page.do("key", "l")
            page.do("picture", "list")
        effort = json.loads((folder / "kept" / "state" / "effort.json").read_text())
        for number in range(1, CASES + 1):
            _keep_picture(folder / f"case_{number}.png", Path(output) / f"annotate_{what.rstrip('s')}_{number}.jpg")
        if what == "films":
            _keep_picture(folder / "list.png", Path(output) / "annotate_list.jpg")
    _print(done, effort)


def _one_case(page: Page, truth: Mapping[str, np.ndarray], number: int, folder: Path) -> Outlined:
    """The next case, from the key that asks for it to the word that it is saved."""
    random = np.random.default_rng(number)
    begin = time.monotonic()
    page.do("key", "n")
    image = page.tell("#case").partition(",")[0]
    masses = masses_of(truth[image])
    removed = _remove_what_is_none(page, truth[image])
    clicks = sum(_outline(page, mass, random) for mass in masses)
    labels = page.labels(truth[image].shape)
    if not labels.any():
        page.do("key", "m")
    page.do("picture", f"case_{number}")
    page.do("key", "s")
    if not (said := page.tell("#status")).startswith("Saved."):
        raise MammosegError(f"the page did not save: {said}")
    seconds = time.monotonic() - begin
    dice = compute_dice(labels > 0, truth[image]) if masses else float(not labels.any())
    return Outlined(image, len(masses), clicks, removed, dice, seconds)


def _remove_what_is_none(page: Page, truth: np.ndarray) -> int:
    labels = page.labels(truth.shape)
    wrong = [value for value in np.unique(labels[labels > 0]) if not (truth & (labels == value)).any()]
    for value in reversed(wrong):
        page.do("key", str(value), "Delete")
    return len(wrong)


def _outline(page: Page, mass: np.ndarray, random: np.random.Generator) -> int:
    """Outline one mass, beginning with what was proposed; how many clicks it took."""
    labels = page.labels(mass.shape)
    held = np.bincount(labels[mass], minlength=2)
    held[0] = 0
    value = int(held.argmax()) if held.max() >= LEAST_SHARE * mass.sum() else 0
    if value:
        page.do("key", str(value), "c")
    elif labels.any():
        value = int(labels.max()) + 1
        page.do("key", "a", "c")
    else:
        value = 1
    for clicks in range(MOST_CLICKS):
        mask = labels == value
        if mask.any() and compute_dice(mask, mass) >= GOOD:
            return clicks
        correction = correcting_click(mask, mass, random) if mask.any() else (first_click(mass, random), True)
        if correction is None:
            return clicks
        point, inside = correction
        page.do("click", point.tolist(), not inside)
        labels = page.labels(mass.shape)
    return MOST_CLICKS


def _films(source: Path, folder: Path) -> dict[str, np.ndarray]:
    """Copy the first films of the hold-out, on which nothing was trained, and return their masses by name."""
    with (source / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if _is_held_out(row["image_id"])][:CASES]
    (folder / "films").mkdir()
    for row in rows:
        shutil.copy(source / row["image"], folder / "films")
    return {row["image_id"]: read_mask(source / row["mask"]) > 0 for row in rows}


def _is_held_out(image_id: str) -> bool:
    (patient,) = re.findall(r"P_\d+", image_id)
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % 6 == 0


def _phantoms(folder: Path) -> dict[str, np.ndarray]:
    """The phantoms of `make label` once more, and their masses by SOP Instance UID."""
    truth = {}
    for record in generate_cohort(folder / "phantoms", patients=PATIENTS, seed=SEED):
        uid = read_texts(folder / "phantoms" / record["image"], ["SOPInstanceUID"])["SOPInstanceUID"]
        truth[uid] = read_mask(folder / "phantoms" / record["label"]) > 0
    return truth


@contextmanager
def _label_server(arguments: Sequence[str]) -> Iterator[str]:
    """`make label`, and the address of its server."""
    command = [sys.executable, str(ROOT / "scripts" / "label.py"), "--port=0", "--viewer_port=0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as script:
        assert script.stdout is not None
        try:
            said = ""
            for line in script.stdout:
                said += line
                if "Ctrl-C ends" in line:
                    break
            if not (found := re.search(r"(http://\S+)/annotate/", said)):
                raise MammosegError("the label server did not start; it says above why.")
            yield found[1]
        finally:
            script.terminate()


@contextmanager
def _page(url: str, folder: Path) -> Iterator[Page]:
    chromium = shutil.which("chromium")
    if chromium is None or not OHIF.is_dir():
        raise WrongCallError("a browser is needed (Debian: apt-get install chromium), and `make viewer` once.")
    command = ["node", DRIVER, OHIF.parent / "node_modules", chromium, url, folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        yield Page(driver, folder / "report.json")
        assert driver.stdin is not None
        driver.stdin.close()
        driver.wait()


def _keep_picture(png: Path, target: Path) -> None:
    cv2.imwrite(str(target), cv2.imread(str(png)), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def _print(done: Sequence[Outlined], effort: Mapping[str, Any]) -> None:
    print("| case | masses | removed | clicks | Dice | seconds |\n| --- | --- | --- | --- | --- | --- |")
    for one in done:
        print(f"| {one.image} | {one.masses} | {one.removed} | {one.clicks} | {one.dice:.2f} | {one.seconds:.1f} |")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"effort.json: {json.dumps(effort)}")


if __name__ == "__main__":
    run_script(record)
