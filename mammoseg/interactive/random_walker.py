"""A random walker as an interactive model: no weights, each pixel goes to the mark that a walk from it meets first.

Grady 2006, doi:10.1109/TPAMI.2006.233, as scikit-image computes it.
"""

import cv2
import numpy as np
from skimage.segmentation import random_walker

from mammoseg.interactive.clicks import list_pixels
from mammoseg.interactive.close_up import CloseUp
from mammoseg.interactive.grey_model import GreyModel
from mammoseg.interactive.prompts import Prompts

STEEPNESS = 4000.0
"""``beta`` of scikit-image: how hard it is to walk across a change of grey."""

BLUR = 1.0
"""Pixels of a close-up over which grey values are smoothed, so that grain is no wall."""

INSIDE, OUTSIDE = 1, 2
"""Marks, as scikit-image counts them; 0 is to be decided."""

MARK_RADIUS = 0.04
"""Of the longer side of a close-up: how far around a click or stroke the same is taken to hold."""

CORE, RIM = 0.65, 1.2
"""Of the half axes of a box: the ellipse that is inside where nothing else is said, and that beyond which is not."""

DOUBT = 2.0
"""How far around a click against the mask so far that mask is not believed, in distances from the click to its edge."""

SURE = 0.2
"""Of the largest depth of the mask so far: what lies as deep inside stays inside, and as far outside stays outside."""


class RandomWalker(GreyModel):
    """Gives each pixel to the mark that a walk from it meets first."""

    name = "random_walker"

    def outline(self, view: CloseUp, prompts: Prompts, shape: tuple[int, ...]) -> np.ndarray:
        """Chance ``(rows, columns)`` of the close-up that a walk meets the inside first; see `GreyModel.outline`."""
        marks = _draw_marks(view, prompts, shape)
        if not ((marks == INSIDE).any() and (marks == 0).any()):
            return marks == INSIDE
        chances: np.ndarray = random_walker(
            cv2.GaussianBlur(view.grey, (0, 0), BLUR),
            marks,
            beta=STEEPNESS,
            mode="cg_j",
            return_full_prob=True,
            prob_tol=1,
        )
        return chances[0]


def _draw_marks(view: CloseUp, prompts: Prompts, shape: tuple[int, ...]) -> np.ndarray:
    inside = view.draw_marks(list_pixels(prompts.foreground, prompts.inside, shape))
    outside = view.draw_marks(list_pixels(prompts.background, prompts.outside, shape))
    radius = max(1, round(MARK_RADIUS * max(view.grey.shape)))
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    marks = _guess_marks(view, prompts, shape, has_marks=bool(inside.any()))
    painted_inside, painted_outside = (cv2.dilate(where.astype(np.uint8), brush) > 0 for where in (inside, outside))
    marks[painted_outside] = OUTSIDE
    marks[painted_inside & ~painted_outside] = INSIDE
    marks[outside] = OUTSIDE
    marks[inside] = INSIDE
    return marks


def _guess_marks(view: CloseUp, prompts: Prompts, shape: tuple[int, ...], *, has_marks: bool) -> np.ndarray:
    """Marks that follow from the box or the mask so far, or from how far a mass reaches."""
    marks = np.zeros(view.grey.shape, np.int32)
    if prompts.mask is not None and (mask := view.shrink(prompts.mask)).any():
        depth, distance = (cv2.distanceTransform(where.astype(np.uint8), cv2.DIST_L2, 5) for where in (mask, ~mask))
        sure = SURE * depth.max()
        marks[distance > sure + 1] = OUTSIDE
        marks[depth > sure] = INSIDE
        marks[_find_contradicted(view, prompts, mask, shape)] = 0
        return marks
    rows, columns = np.mgrid[: marks.shape[0], : marks.shape[1]] + 0.5
    top, left, bottom, right = view.convert_box(prompts.box)
    height, width = max(bottom - top, 1) / 2, max(right - left, 1) / 2
    away = np.hypot((rows - top - height) / height, (columns - left - width) / width)
    if prompts.box:
        marks[(rows < top) | (rows > bottom) | (columns < left) | (columns > right) | (away > RIM)] = OUTSIDE
        if not has_marks:
            marks[away < CORE] = INSIDE
    else:
        marks[away > 1] = OUTSIDE
    return marks


def _find_contradicted(view: CloseUp, prompts: Prompts, mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Where the mask so far is not to be believed: around clicks inside of what it leaves out, and outside in it."""
    inside = view.draw_marks(list_pixels(prompts.foreground, prompts.inside, shape))
    outside = view.draw_marks(list_pixels(prompts.background, prompts.outside, shape))
    doubtful = np.zeros(mask.shape, bool)
    for wrong, edge in ((inside & ~mask, mask), (outside & mask, ~mask)):
        if wrong.any():
            to_wrong, to_edge = (
                cv2.distanceTransform((~where).astype(np.uint8), cv2.DIST_L2, 5) for where in (wrong, edge)
            )
            doubtful |= to_wrong <= DOUBT * to_edge[wrong].max() + 1
    return doubtful
