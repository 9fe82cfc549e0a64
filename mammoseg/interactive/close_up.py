"""A look at the part of an image that prompts are about, small enough to compute on in a tenth of a second."""

from dataclasses import dataclass

import cv2
import numpy as np

from mammoseg.dicom.measure import find_bounding_window
from mammoseg.interactive.clicks import list_pixels
from mammoseg.interactive.prompts import Prompts

REACH = 0.11
"""Of the longer side of the image: how far a mass may reach from its clicks, 24 mm on a film of 22 cm."""

MARGIN = 0.35
"""Of the longer side of a box or a mask: what is seen around it."""

SIDE = 96
"""Pixels of the longer side of a close-up, at most."""


@dataclass(frozen=True)
class CloseUp:
    """A rectangle of an image, reduced.

    Attributes:
        grey: float32 ``(rows, columns)``, at most `SIDE` each.
        window: the rectangle in the image.
    """

    grey: np.ndarray
    window: tuple[slice, slice]

    def shrink(self, mask: np.ndarray) -> np.ndarray:
        """A bool mask of the image on the grid of the close-up."""
        rows, columns = self.grey.shape
        part = mask[self.window].astype(np.float32)
        return cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA) >= 0.5

    def draw_marks(self, pixels: np.ndarray) -> np.ndarray:
        """bool on the grid of the close-up: where pixels (N, 2) of the image fall; those outside of it are left out."""
        marked = np.zeros(self.grey.shape, bool)
        start = [side.start for side in self.window]
        size = [side.stop - side.start for side in self.window]
        places = (pixels - start) * self.grey.shape // size
        places = places[((places >= 0) & (places < self.grey.shape)).all(axis=1)]
        marked[tuple(places.T)] = True
        return marked

    def convert_box(self, box: tuple[float, float, float, float] | None) -> tuple[float, float, float, float]:
        """A box of the image in pixels of the close-up; without one, the close-up itself."""
        if box is None:
            return (0, 0, self.grey.shape[0], self.grey.shape[1])
        start = np.array([side.start for side in self.window])
        size = np.array([side.stop - side.start for side in self.window])
        (top, left), (bottom, right) = (np.reshape(box, (2, 2)) - start) * self.grey.shape / size
        return top, left, bottom, right

    def enlarge(self, probability: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """bool ``shape``: where a value of the close-up's grid is 0.5 or more; False outside of the close-up."""
        rows, columns = (side.stop - side.start for side in self.window)
        whole = np.zeros(shape, bool)
        part = cv2.resize(probability.astype(np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR)
        whole[self.window] = part >= 0.5
        return whole


def make_close_up(image: np.ndarray, prompts: Prompts) -> CloseUp:
    """Look at what prompts are about.

    Args:
        image: ``(rows, columns)`` float32.
        prompts: checked prompts of this image.
    """
    window = _find_window(prompts, image.shape)
    part = image[window]
    ratio = min(1.0, SIDE / max(part.shape))
    rows, columns = (max(1, round(ratio * side)) for side in part.shape)
    return CloseUp(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), window)


def _find_window(prompts: Prompts, shape: tuple[int, ...]) -> tuple[slice, slice]:
    corners = [list_pixels(prompts.foreground, prompts.inside, shape)]
    margin = 0.0
    if prompts.box:
        top, left, bottom, right = prompts.box
        corners.append(np.array([[top, left], [bottom, right]]))
    if prompts.mask is not None and prompts.mask.any():
        rows, columns = find_bounding_window(prompts.mask)
        corners.append(np.array([[rows.start, columns.start], [rows.stop, columns.stop]]))
    points = np.concatenate(corners)
    if len(corners) == 1:
        margin = REACH * max(shape)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = margin or max(MARGIN * (high - low).max(), 8.0)
    starts = np.clip(np.floor(low - margin), 0, np.array(shape) - 1).astype(int)
    stops = np.clip(np.ceil(high + margin) + 1, starts + 1, shape).astype(int)
    return slice(starts[0], stops[0]), slice(starts[1], stops[1])
