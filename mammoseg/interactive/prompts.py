"""What a person says about one mass: clicks, a box, strokes, and the mask so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import MammosegError

MOST_POINTS = 1000  # of clicks and of strokes' points together; a hand makes a few dozen


class PromptError(MammosegError):
    """Prompts that say nothing about this image: outside of it, too many, none, not finite."""


def _make_no_points() -> np.ndarray:
    return np.empty((0, 2))


@dataclass(frozen=True, eq=False)
class Prompts:
    """Prompts for one mass, in pixels of the stored image: (row, column), from 0, at the centres of pixels.

    Attributes:
        foreground: (N, 2) clicks inside of the mass, in the order in which they were made.
        background: (N, 2) clicks outside of it, likewise.
        box: (top, left, bottom, right) around the mass, `bottom` and `right` exclusive, or None.
        inside: strokes along the mass, each an (N, 2) polyline.
        outside: strokes along what is not the mass, likewise.
        mask: (rows, columns) bool, the mask so far, or None.
    """

    foreground: np.ndarray = field(default_factory=_make_no_points)
    background: np.ndarray = field(default_factory=_make_no_points)
    box: tuple[float, float, float, float] | None = None
    inside: tuple[np.ndarray, ...] = ()
    outside: tuple[np.ndarray, ...] = ()
    mask: np.ndarray | None = None

    def list_marks_inside(self) -> np.ndarray:
        """(N, 2) points that are said to be inside: clicks, then the points of strokes."""
        return np.concatenate([self.foreground, *self.inside])

    def list_marks_outside(self) -> np.ndarray:
        """(N, 2) points that are said to be outside, likewise."""
        return np.concatenate([self.background, *self.outside])


def check_prompts(prompts: Prompts, shape: tuple[int, int]) -> None:
    """Hold prompts to an image of `shape` (rows, columns).

    Raises:
        PromptError: nothing says where the mass is, a point lies outside of the image or is not finite, there are more
            than `MOST_POINTS`, the box is empty or not in the image, or the mask has another shape.
    """
    points = np.concatenate([prompts.list_marks_inside(), prompts.list_marks_outside()])
    if len(points) > MOST_POINTS:
        raise PromptError(
            f"{len(points):,} points, but one mass takes at most {MOST_POINTS:,}; send fewer points a stroke."
        )
    if prompts.mask is not None and prompts.mask.shape != shape:
        raise PromptError(
            f"The mask so far has the shape {prompts.mask.shape}, the image {shape}; send the mask of this image."
        )
    if not (len(prompts.list_marks_inside()) or prompts.box or (prompts.mask is not None and prompts.mask.any())):
        raise PromptError("No click, stroke or box says where the mass is; click into the mass first.")
    rows, columns = shape
    wrong = ~((points >= 0) & (points < shape)).all(axis=1)
    if wrong.any():
        row, column = points[wrong][0]
        raise PromptError(
            f"The point at row {row:g}, column {column:g} is outside of the image ({rows} rows, {columns} columns)."
        )
    if prompts.box:
        top, left, bottom, right = prompts.box
        if not (0 <= top < bottom <= rows and 0 <= left < right <= columns):
            raise PromptError(
                f"The box from row {top:g}, column {left:g} to row {bottom:g}, column {right:g} is empty or outside "
                f"of the image ({rows} rows, {columns} columns)."
            )
