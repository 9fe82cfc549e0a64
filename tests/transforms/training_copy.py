"""Copies of a mammogram as weights are trained on them, and a picture of what the network sees of file and copies.

Usage: python -m tests.transforms.training_copy docs/images/seen_of_files_and_copies.png
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mammoseg.bundles import BUNDLES_FOLDER
from mammoseg.cards.listing import SHIPPED
from mammoseg.overlay import write_picture
from mammoseg.transforms.arrays import ArrayPreprocessing, Prepared
from tests.conftest import SHARED_DATA
from tests.real_films import FILMS, draw_area

SIDE = 736
"""Rows and columns of a copy, as in ../shared/data/cbis_ddsm_736."""

QUALITY = 90
"""Of the JPEG."""

READINGS = ("DICOM file", "whole copy", "copy as of CBIS-DDSM")
"""The file itself; all of it as an 8-bit JPEG, stretched; and what the collection makes of it, `copy_as_collection`."""

GAPS = (4, 16)
"""White columns of the picture to the right of a file and of its copy."""

SHOWN = (-1.4, 3.0)
"""Black and white of the picture, in the grey values that the network sees."""


@dataclass(frozen=True)
class Seen:
    """One file or copy, and what the network sees of it.

    Attributes:
        breast: where a person sees the breast, bool ``(rows, columns)`` of the file or copy.
        prepared: what the network sees.
    """

    breast: np.ndarray
    prepared: Prepared

    @property
    def image(self) -> np.ndarray:
        """Grey values, float32 ``(rows, columns)`` of the network's grid."""
        return self.prepared.image[0]

    @property
    def tissue(self) -> np.ndarray:
        """Grey values of what the network sees above the background, float32 ``(pixels,)``."""
        return self.image[self.image > self.image.min()]

    @property
    def box(self) -> np.ndarray:
        """Top, left, bottom and right of what the network sees, in shares of the sides: float ``(4,)``."""
        return find_span(self.prepared.move_back(np.ones_like(self.image)) > 0)

    @property
    def breast_box(self) -> np.ndarray:
        """The same of the breast that a person sees."""
        return find_span(self.breast)


def find_span(mask: np.ndarray) -> np.ndarray:
    """Top, left, bottom and right of a mask, in shares of its sides: float ``(4,)``."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    rows, columns = mask.shape
    return np.array([top / rows, left / columns, (top + height) / rows, (left + width) / columns])


def copy_whole(pixels: np.ndarray, breast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All of a film, and where its breast is, stretched to `SIDE` in 8 bits."""
    grey = (pixels - pixels.min()) / np.ptp(pixels) * 255
    return tuple(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for part in (grey, breast.astype(float)))


def copy_as_collection(pixels: np.ndarray, breast: np.ndarray, frame: float) -> tuple[np.ndarray, np.ndarray]:
    """The copy as ../shared/data/cbis_ddsm/SOURCE.md describes it: edges cropped, all but the breast black, the breast
    at the left, padded to a square, grey values stretched to those of the image."""
    top, left = (round(side * frame) for side in pixels.shape)
    inner = np.s_[top : pixels.shape[0] - top, left : pixels.shape[1] - left]
    pixels, breast = pixels[inner] - pixels.min(), breast[inner]
    half = breast.shape[1] // 2
    if breast[:, :half].sum() < breast[:, half:].sum():
        pixels, breast = pixels[:, ::-1], breast[:, ::-1]
    padding = [(0, max(breast.shape) - side) for side in breast.shape]
    return copy_whole(np.pad(pixels * breast, padding), np.pad(breast, padding))


def see_all(name: str, shared_data: Path, folder: Path) -> dict[str, Seen]:
    """What the network sees of a file of `FILMS` and of its copies, by the names of `READINGS`.

    Args:
        shared_data: folder of real mammograms.
        folder: where the copies are written.
    """
    shipped = json.loads((BUNDLES_FOLDER / "efficientnet_unet" / SHIPPED).read_text(encoding="utf-8"))
    prepare = ArrayPreprocessing(shipped["preprocessing"])
    mammogram = prepare.read(shared_data / "dicom_mg" / name, modalities=("MG", "RG"))
    pixels, film = mammogram.pixels, FILMS[name]
    breast = draw_area(film.breast, pixels.shape)
    seen = {READINGS[0]: Seen(breast, prepare(mammogram))}
    copies = copy_whole(pixels, breast), copy_as_collection(pixels, breast, film.frame)
    for reading, (grey, where) in zip(READINGS[1:], copies, strict=True):
        path = folder / f"{Path(name).stem} {reading}.jpg"
        cv2.imwrite(str(path), grey.round().astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        seen[reading] = Seen(where > 0.5, prepare(prepare.read(path)))
    return seen


def draw_all(path: Path) -> None:
    """One picture of all files, each beside its copy as of the collection, at half of the network's size."""
    black, white = SHOWN
    columns = []
    for name in FILMS:
        with tempfile.TemporaryDirectory() as folder:
            seen = see_all(name, SHARED_DATA, Path(folder))
        for image, gap in zip((seen[READINGS[0]].image, seen[READINGS[-1]].image), GAPS, strict=True):
            half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            grey = np.clip((half - black) / (white - black) * 255, 0, 255)
            columns.append(np.pad(grey, ((0, 0), (0, gap)), constant_values=255).astype(np.uint8))
    write_picture(np.hstack(columns), path)


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]))
