"""A simulated reader, who knows the masses, at the page to annotate in a real browser."""

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.interactive.simulate import draw_first_click, find_correcting_click, list_masses
from mammoseg.metrics.overlap import compute_dice

GOOD = 0.8
"""Dice from which a mass is left as it is."""

MOST_CLICKS = 5
"""Of one mass."""

LEAST_SHARE = 0.1
"""Of a mass that an outline must hold to be about it."""


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
        """Do one step and return what steps told so far."""
        assert self._driver.stdin is not None and self._driver.stdout is not None
        self._driver.stdin.write(json.dumps(step) + "\n")
        self._driver.stdin.flush()
        if not (line := self._driver.stdout.readline()):
            self._driver.wait()
            raise AssertionError(json.loads(self._report.read_text())["errors"])
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
            labels[RunLengths.from_json(**mask).to_mask(shape) & (labels == 0)] = number
        return labels


def read_next_case(page: Page, truth: Mapping[str, np.ndarray], number: int) -> Outlined:
    """Outline the next case, from the key that asks for it to the word that it is saved; a picture is made then.

    Args:
        truth: masses of all images, bool ``(rows, columns)``.
        number: seed of the clicks, and number of the picture.
    """
    random = np.random.default_rng(number)
    begin = time.monotonic()
    page.do("key", "n")
    image = page.tell("#case").partition(",")[0]
    masses = list_masses(truth[image])
    removed = _remove_what_is_none(page, truth[image])
    clicks = sum(_outline(page, mass, random) for mass in masses)
    labels = page.labels(truth[image].shape)
    if not labels.any():
        page.do("key", "m")
    page.do("key", "s")
    assert page.tell("#status").startswith("Saved.")
    seconds = time.monotonic() - begin
    page.do("move", [float(np.mean(places)) for places in np.nonzero(truth[image] if masses else labels == 0)])
    page.do("key", "+", "+", "+", "+")
    page.do("move", [truth[image].shape[0] / 2, truth[image].shape[1] / 2])
    page.do("picture", f"case_{number}")
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
        correction = find_correcting_click(mask, mass, random) if mask.any() else (draw_first_click(mass, random), True)
        if correction is None:
            return clicks
        point, inside = correction
        page.do("click", point.tolist(), not inside)
        labels = page.labels(mass.shape)
    return MOST_CLICKS
