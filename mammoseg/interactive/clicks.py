"""What a click or stroke outside takes away from a mask, whatever the model that drew it: one rule for all models."""

from collections.abc import Iterable

import numpy as np
from skimage.draw import line

from mammoseg.interactive.prompts import Prompts
from mammoseg.parts import find_parts

CLICK_RADIUS_PIXELS = 10.0
"""How far a click outside reaches where nothing says how large a pixel is."""


def without_clicked_out(mask: np.ndarray, prompts: Prompts, *, radius: float = CLICK_RADIUS_PIXELS) -> np.ndarray:
    """`mask` as prompts allow it: nothing of what they say is outside.

    Every pixel of a click or stroke outside leaves. With a click outside leaves what is connected to it within
    `radius`, in this mask and in the mask so far together, so that a click always takes away what it was made on. What
    is nearer to a click or stroke inside stays, else two clicks side by side would contradict each other.

    Args:
        mask: (rows, columns) bool, what a model drew.
        prompts: checked prompts of an image of this shape.
        radius: how far a click reaches, in pixels; 5 mm where the size of a pixel is known.

    Returns:
        (rows, columns) bool, a part of `mask`.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.interactive.clicks import without_clicked_out
        >>> from mammoseg.interactive.prompts import Prompts
        >>> prompts = Prompts(foreground=np.array([[0, 0]]), background=np.array([[0, 4]]))
        >>> without_clicked_out(np.ones((1, 8), bool), prompts, radius=2).tolist()
        [[True, True, False, False, False, False, False, True]]
    """
    allowed = mask.copy()
    drawn = mask if prompts.mask is None else mask | prompts.mask
    inside = list_pixels(prompts.foreground, prompts.inside, mask.shape)
    for row, column in list_pixels(prompts.background, (), mask.shape):
        window = _find_window(row, column, radius, mask.shape)
        rows, columns = np.ogrid[window]
        distance = np.hypot(rows - row, columns - column)
        reached = drawn[window] & (distance <= radius) & (distance <= _measure_distance_to(inside, window))
        reached[row - window[0].start, column - window[1].start] = True
        parts, _ = find_parts(reached)
        allowed[window] &= parts != parts[row - window[0].start, column - window[1].start]
    outside = list_pixels(prompts.background, prompts.outside, mask.shape)
    allowed[tuple(outside.T)] = False
    return allowed


def list_pixels(clicks: np.ndarray, strokes: Iterable[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """(N, 2) int rows and columns of the pixels of clicks, in their order, then of all pixels that strokes cross.

    Args:
        clicks: (N, 2) points.
        strokes: polylines, each (N, 2).
        shape: (rows, columns) of the image, which holds them all.
    """
    last = np.array(shape) - 1
    found = [_find_nearest(clicks, last)]
    for stroke in strokes:
        corners = _find_nearest(stroke, last)
        found += [corners[:1]]
        found += [np.column_stack(line(*a, *b))[1:] for a, b in zip(corners[:-1], corners[1:], strict=True)]
    return np.concatenate(found)


def _find_nearest(points: np.ndarray, last: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(points).astype(int), 0, last)


def _find_window(row: int, column: int, radius: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    reach = int(radius)
    return (
        slice(max(0, row - reach), min(shape[0], row + reach + 1)),
        slice(max(0, column - reach), min(shape[1], column + reach + 1)),
    )


def _measure_distance_to(points: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """Distance of each pixel of a window to the nearest of `points` (N, 2), infinite where there are none."""
    rows, columns = np.mgrid[window]
    nearest = np.full(rows.shape, np.inf)
    for row, column in points:
        np.minimum(nearest, np.hypot(rows - row, columns - column), out=nearest)
    return nearest
