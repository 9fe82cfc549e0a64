"""Region growing as an interactive model: no weights; from clicks over pixels of like grey, up to the sharpest edge."""

from importlib import metadata

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes
from skimage.measure import label
from skimage.segmentation import find_boundaries

from mammoseg.interactive.clicks import pixels_of, without_clicked_out
from mammoseg.interactive.close_up import CloseUp, close_up
from mammoseg.interactive.prompts import Prompts

BLUR = 1.5
"""Pixels of a close-up over which grey values are smoothed, so that grain stops no region."""

STEPS = np.linspace(0.02, 0.5, 25)
"""Tolerances that are tried, as fractions of the range of grey in the close-up."""

LARGEST_SHARE = 0.6
"""Of the close-up; a region that is larger has run out of the mass."""


class RegionGrowing:
    """Outlines a mass by its grey values alone. See `mammoseg.interactive.model.InteractiveModel`."""

    name = "region_growing"
    version = f"scikit-image {metadata.version('scikit-image')}"

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """The image ``(rows, columns)`` itself; only the surroundings of prompts are ever computed on."""
        return image

    def segment(self, prepared: np.ndarray, prompts: Prompts) -> np.ndarray:
        """The mass that the prompts mean: bool ``(rows, columns)``."""
        view = close_up(prepared, prompts)
        mask = view.enlarged(_region(view, prompts, prepared.shape), prepared.shape)
        mask[tuple(pixels_of(prompts.foreground, prompts.inside, prepared.shape).T)] = True
        return without_clicked_out(mask, prompts)


def _region(view: CloseUp, prompts: Prompts, shape: tuple[int, ...]) -> np.ndarray:
    """bool on the grid of the close-up: the mask so far, and what grows from each mark inside that it leaves out."""
    marks = view.marks(pixels_of(prompts.foreground, prompts.inside, shape))
    barred = view.marks(pixels_of(prompts.background, prompts.outside, shape))
    mask = np.zeros(marks.shape, bool) if prompts.mask is None else view.reduced(prompts.mask)
    rows, columns = np.mgrid[: marks.shape[0], : marks.shape[1]] + 0.5
    top, left, bottom, right = view.limits(prompts.box)
    if not (marks.any() or mask.any()):
        marks[int((top + bottom) / 2), int((left + right) / 2)] = True
    allowed = (rows >= top) & (rows <= bottom) & (columns >= left) & (columns <= right) & ~barred
    grey = cv2.GaussianBlur(view.grey, (0, 0), BLUR)
    slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    parts, count = label(marks & ~mask, return_num=True)
    regions = [_grown(grey, slope, parts == number, allowed) for number in range(1, count + 1)]
    return mask | binary_fill_holes(np.logical_or.reduce([marks, *regions])) & allowed


def _grown(grey: np.ndarray, slope: np.ndarray, seed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Of the regions around a seed, one for each tolerance, that with the steepest edge."""
    best, steepest = seed, -1.0
    middle = np.median(grey[seed])
    for tolerance in STEPS * np.ptp(grey):
        parts = label((np.abs(grey - middle) <= tolerance) & allowed | seed, connectivity=1)
        region = parts == parts[seed][0]
        if region.sum() > LARGEST_SHARE * region.size:
            break
        edge = slope[find_boundaries(region, mode="outer")]
        if edge.size and edge.mean() >= steepest:
            best, steepest = region, float(edge.mean())
    return best
