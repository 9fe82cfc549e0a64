"""Prompts are held to the breast: in the black beside it there is no mass to outline, whatever a model draws there."""

import math

import numpy as np

from mammoseg.interactive.clicks import list_pixels
from mammoseg.interactive.prompts import PromptError, Prompts


def check_in_breast(prompts: Prompts, breast: np.ndarray) -> None:
    """Refuse prompts for a mass outside of the breast. A stroke or box may reach beyond it; a click may not.

    Args:
        prompts: checked prompts of an image of this shape.
        breast: (rows, columns) bool, where a mass can be.

    Raises:
        PromptError: a click inside is not in the breast, or a stroke inside or the box touches nothing of it.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.interactive.in_breast import check_in_breast
        >>> from mammoseg.interactive.prompts import Prompts
        >>> check_in_breast(Prompts(foreground=np.array([[0, 2]])), np.array([[True, True, False]]))
        Traceback (most recent call last):
        mammoseg.interactive.prompts.PromptError: The click at row 0, column 2 is outside of the breast; click into it.
    """
    for click in prompts.foreground:
        if not _touches(list_pixels(click[np.newaxis], (), breast.shape), breast):
            row, column = click
            raise PromptError(f"The click at row {row:g}, column {column:g} is outside of the breast; click into it.")
    for stroke in prompts.inside:
        if not _touches(list_pixels(stroke[:0], (stroke,), breast.shape), breast):
            row, column = stroke[0]
            raise PromptError(
                f"The stroke from row {row:g}, column {column:g} is outside of the breast; draw it along the mass."
            )
    if prompts.box:
        top, left, bottom, right = prompts.box
        if not breast[int(top) : math.ceil(bottom), int(left) : math.ceil(right)].any():
            raise PromptError(
                f"The box from row {top:g}, column {left:g} to row {bottom:g}, column {right:g} is outside of the "
                "breast; draw it around the mass."
            )


def _touches(pixels: np.ndarray, breast: np.ndarray) -> bool:
    return bool(breast[tuple(pixels.T)].any())
