"""`make label` and the page to annotate, on phantoms and on films: five cases outlined, each within a minute.

With `RECORD=FOLDER` pictures and a table are left there, as those of docs/annotate.md were made.
"""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammoseg.data.masks import read_mask
from mammoseg.data.phantom import generate_cohort
from mammoseg.dicom.read import read_texts
from mammoseg.viewer.label_needs import DEMO_WEIGHTS
from mammoseg.viewer.label_sources import SEED
from mammoseg.viewer.show import OHIF
from monailabel_app.lib.login.tokens import make_token
from tests.label.clients.test_annotate import DRIVER, page
from tests.label.clients.test_script import lines_until
from tests.label.page_reader import Outlined, Page, read_next_case

__all__ = ["page"]

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "label.py"
FILMS = Path(__file__).resolve().parents[4] / "shared" / "data" / "cbis_ddsm_736"
CASES, PATIENTS = 5, 4
JPEG_QUALITY = 70


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["film", "phantom"])
def test_five_cases_are_outlined_within_a_minute_each(kind, page, tmp_path):
    if not (FILMS if kind == "film" else DEMO_WEIGHTS).exists():
        pytest.skip("needs ../shared/data/cbis_ddsm_736" if kind == "film" else "needs `make demo`")
    if kind == "film":
        truth, arguments = films(tmp_path), [f"--folder={tmp_path / 'films'}"]
    else:
        truth, arguments = phantoms(tmp_path), [f"--patients={PATIENTS}"]
    kept = tmp_path / "kept"
    token = make_token(kept / "state" / "tokens.json", name="reader", role="annotator")
    with make_label([*arguments, f"--keep={kept}"]) as url, opened_page(url, tmp_path) as browser:
        for step in (["login", token], ["ready"], ["choose", "#strategy", "first"], ["key", "Escape"]):
            browser.do(*step)
        done = [read_next_case(browser, truth, number) for number in range(1, CASES + 1)]
        browser.do("key", "l")
        browser.do("picture", "list")
    (effort,) = json.loads((kept / "state" / "effort.json").read_text()).values()
    record(kind, done, effort, tmp_path)
    assert max(one.seconds for one in done) < 60
    assert len({one.image for one in done}) == effort["annotator"]["labels"] == CASES
    assert 0 < effort["annotator"]["prompts"]["sum"] <= sum(one.clicks for one in done)
    assert len(list((kept / "dataset" / "labels").iterdir())) == CASES


def films(folder: Path) -> dict[str, np.ndarray]:
    """Copy the first films of the hold-out, on which nothing was trained; masses, bool (rows, columns), by name."""
    with (FILMS / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if is_held_out(row["image_id"])][:CASES]
    (folder / "films").mkdir()
    for row in rows:
        shutil.copy(FILMS / row["image"], folder / "films")
    return {row["image_id"]: read_mask(FILMS / row["mask"]) > 0 for row in rows}


def is_held_out(image_id: str) -> bool:
    """Whether a film is of fold 0, as docs/interactive.md has it."""
    (patient,) = re.findall(r"P_\d+", image_id)
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % 6 == 0


def phantoms(folder: Path) -> dict[str, np.ndarray]:
    """The phantoms of `make label` once more: their masses, bool (rows, columns), by SOP Instance UID."""
    truth = {}
    for one in generate_cohort(folder / "phantoms", patients=PATIENTS, seed=SEED):
        uid = read_texts(folder / "phantoms" / one["image"], ["SOPInstanceUID"])["SOPInstanceUID"]
        truth[uid] = read_mask(folder / "phantoms" / one["label"]) > 0
    return truth


@contextmanager
def make_label(arguments: Sequence[str]) -> Iterator[str]:
    """`make label`, and the address of its server."""
    command = [sys.executable, str(SCRIPT), "--port=0", "--viewer_port=0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as script:
        try:
            said = "".join(lines_until(script, "Ctrl-C ends"))
            yield said.partition("/annotate/")[0].split()[-1]
        finally:
            script.terminate()
            script.communicate(timeout=60)


@contextmanager
def opened_page(url: str, folder: Path) -> Iterator[Page]:
    """The page of a server in Chromium; what it shows and tells goes to `folder`."""
    chromium = str(shutil.which("chromium"))
    command = ["node", DRIVER, OHIF.parent / "node_modules", chromium, url, folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        yield Page(driver, folder / "report.json")
        assert driver.stdin is not None
        driver.stdin.close()


def record(kind: str, done: Sequence[Outlined], effort: object, folder: Path) -> None:
    """Leave pictures and a table in the folder that the environment names, if any."""
    if not (name := os.environ.get("RECORD")):
        return
    target = Path(name)
    for number in [*range(1, CASES + 1), "list"]:
        shown = folder / ("list.png" if number == "list" else f"case_{number}.png")
        quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        cv2.imwrite(str(target / f"annotate_{kind}_{number}.jpg"), cv2.imread(str(shown)), quality)
    lines = ["| case | masses | removed | clicks | Dice | seconds |", "| --- | --- | --- | --- | --- | --- |"]
    for one in done:
        seen = f"{one.image} | {one.masses} | {one.removed} | {one.clicks} | {one.dice:.2f} | {one.seconds:.1f}"
        lines.append(f"| {seen} |")
    lines += [f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", json.dumps(effort)]
    (target / f"annotate_{kind}.md").write_text("\n".join(lines) + "\n")
