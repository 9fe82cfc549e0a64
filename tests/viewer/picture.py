"""What OHIF shows of a mammogram and its segmentation in a real browser, and whether the mask lies in its place."""

import json
import math
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mammoseg.viewer.archive import LocalArchive
from mammoseg.viewer.server import ViewerServer
from mammoseg.viewer.show import OHIF

AMBER = 40
"""Red and green less blue, of 255, from which a pixel counts as coloured; OHIF fills with half of `OUTLINE_COLOUR`."""

LINE = 3
"""Pixels that OHIF's line around a mask takes; and it fits one row and column less, so is up to a pixel off."""

DRIVER = Path(__file__).with_name("open_ohif.mjs")

STUDY_SECONDS = 200
"""Most that the driver takes for a study, by its own limit; 5 to 20 s are usual on two cores."""


@dataclass
class Seen:
    """What the browser showed: pictures in blue, green, red without and with the mask, and the driver's report.

    A picture is None where the driver did not come so far; the report tells why.
    """

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

    def scale(self, mask: np.ndarray) -> float:
        """Pixels of the canvas to a pixel of the mammogram."""
        height, width = self.in_canvas(self.after).shape[:2]
        return min(height / mask.shape[0], width / mask.shape[1])

    def expected(self, mask: np.ndarray) -> np.ndarray:
        """`mask` (rows, columns) as the canvas shows it: as large as fits, centred, neither turned nor mirrored."""
        height, width = self.in_canvas(self.after).shape[:2]
        scale = self.scale(mask)
        left, top = (width - mask.shape[1] * scale) / 2, (height - mask.shape[0] * scale) / 2
        matrix = np.array([[scale, 0, left + scale / 2 - 0.5], [0, scale, top + scale / 2 - 0.5]])
        return cv2.warpAffine(mask.astype(np.float32), matrix, (width, height)) > 0.5


def _amber(picture: np.ndarray) -> np.ndarray:
    blue, green, red = np.moveaxis(picture.astype(int), -1, 0)
    return np.minimum(red, green) - blue


def look(viewer: tuple[LocalArchive, ViewerServer], folder: Path, studies: Sequence[Sequence[Path]]) -> list[Seen]:
    """Store the files of each study, open one study after the other in one browser and show its segmentation."""
    archive, server = viewer
    pairs: list[tuple[str, Path]] = []
    for number, files in enumerate(studies):
        output = folder / f"seen-{number}"
        output.mkdir()
        (study,) = {archive.store(path) for path in files}
        pairs.append((study, output))
    command = ["node", DRIVER, OHIF.parent / "node_modules", shutil.which("chromium"), server.url]
    subprocess.run([*command, *sum(pairs, ())], check=True, timeout=60 + STUDY_SECONDS * len(studies))
    return [read_seen(output) for _, output in pairs]


def read_seen(output: Path) -> Seen:
    """What the driver wrote."""
    before, after = (cv2.imread(str(output / f"{name}.png")) for name in ("before", "after"))
    return Seen(before, after, json.loads((output / "report.json").read_text()))


def assert_mask_is_in_its_place(seen: Seen, mask: np.ndarray) -> None:
    assert seen.report["errors"] == []
    expected, overlay = seen.expected(mask), seen.overlay()
    reach = LINE + math.ceil(seen.scale(mask))
    box = cv2.dilate(expected.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1))).astype(bool)
    assert (overlay & expected).sum() >= 0.9 * expected.sum(), "the mask is not fully covered"
    assert not (overlay & ~box).any(), "there is colour where there is no mask"


def assert_nothing_left_this_machine(seen: Seen, server: ViewerServer) -> None:
    assert len(seen.report["requests"]) > 10
    local = (f"{server.url}/", "data:", f"blob:{server.url}/")
    assert [address for address in seen.report["requests"] if not address.startswith(local)] == []
