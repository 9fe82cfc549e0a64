"""Region growing as an interactive model: no weights; from clicks over pixels of like grey, up to the sharpest edge."""

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes
from skimage.measure import label
from skimage.segmentation import find_boundaries

from mammoseg.interactive.clicks import list_pixels
from mammoseg.interactive.close_up import CloseUp
from mammoseg.interactive.grey_model import GreyModel
from mammoseg.interactive.prompts import Prompts

BLUR = 1.5
"""Pixels of a close-up over which grey values are smoothed, so that grain stops no region."""

STEPS = np.linspace(0.02, 0.5, 25)
"""Tolerances that are tried, as fractions of the range of grey in the close-up."""

LARGEST_SHARE = 0.6
"""Of the close-up; a region that is larger has run out of the mass."""


class RegionGrowing(GreyModel):
    """Grows from each mark inside over pixels of like grey, up to the sharpest edge."""

    name = "region_growing"

    def outline(self, view: CloseUp, prompts: Prompts, shape: tuple[int, ...]) -> np.ndarray:
        """bool ``(rows, columns)`` of the close-up: the mask so far, and what grows from each mark beside it."""
        marks = view.draw_marks(list_pixels(prompts.foreground, prompts.inside, shape))
        barred = view.draw_marks(list_pixels(prompts.background, prompts.outside, shape))
        mask = np.zeros(marks.shape, bool) if prompts.mask is None else view.shrink(prompts.mask)
        rows, columns = np.mgrid[: marks.shape[0], : marks.shape[1]] + 0.5
        top, left, bottom, right = view.convert_box(prompts.box)
        if not (marks.any() or mask.any()):
            marks[int((top + bottom) / 2), int((left + right) / 2)] = True
        allowed = (rows >= top) & (rows <= bottom) & (columns >= left) & (columns <= right) & ~barred
        grey = cv2.GaussianBlur(view.grey, (0, 0), BLUR)
        slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        parts, count = label(marks & ~mask, return_num=True)
        regions = [_grow_region(grey, slope, parts == number, allowed) for number in range(1, count + 1)]
        return mask | binary_fill_holes(np.logical_or.reduce([marks, *regions])) & allowed


def _grow_region(grey: np.ndarray, slope: np.ndarray, seed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
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
