"""Boxes that a person gives around masses, for weights that look at patches: held to the image, and in words."""

from collections.abc import Sequence

from mammoseg.errors import InputRefusedError
from mammoseg.inference.lesions import MOST_LESIONS, SMALLEST_AREA, SPECK
from mammoseg.mammogram import Mammogram
from mammoseg.transforms.arrays import NO_BOX
from mammoseg.transforms.functional.breast import find_recorded_breast
from mammoseg.transforms.functional.geometry import Box

GIVEN = "given by a person: "
"""Before the boxes in all results."""

MOST_BOXES = MOST_LESIONS
"""Of one image."""


def check_boxes(boxes: Sequence[Box], mammogram: Mammogram) -> None:
    """Hold boxes to the mammogram in which they are said to lie around masses.

    Raises:
        InputRefusedError: ``E_NO_BOX``, there is none; ``E_BOX``, there are more than `MOST_BOXES`, or one is empty,
            not in the image, or beside the breast or smaller than a speck, where no mass would be found whatever lies
            there.
    """
    if not boxes:
        raise InputRefusedError("E_NO_BOX", NO_BOX)
    if len(boxes) > MOST_BOXES:
        raise InputRefusedError(
            "E_BOX", f"{len(boxes)} boxes of one image, of which {MOST_BOXES} may be; leave some out."
        )
    rows, columns = mammogram.pixels.shape
    breast = find_recorded_breast(mammogram)
    for box in boxes:
        bottom, right = box.top + box.height, box.left + box.width
        place = f"the box from row {box.top}, column {box.left} to row {bottom}, column {right}"
        if not (0 <= box.top < bottom <= rows and 0 <= box.left < right <= columns):
            raise InputRefusedError(
                "E_BOX", f"{place} is empty or outside of the image ({rows} rows, {columns} columns)."
            )
        if box.height * box.width < SMALLEST_AREA * rows * columns:
            raise InputRefusedError(
                "E_BOX", f"{place} is under {SPECK}, as only specks are; give one around the whole mass."
            )
        if not breast[box.top : bottom, box.left : right].any():
            raise InputRefusedError("E_BOX", f"{place} is outside of the breast; give one around a mass.")


def describe_boxes(boxes: Sequence[Box]) -> str:
    """Boxes as results name them: top, left, bottom and right, the last two exclusive, in pixels of the image from 0.

    Examples:
        >>> from mammoseg.inference.boxes import describe_boxes
        >>> from mammoseg.transforms.functional.geometry import Box
        >>> describe_boxes([Box(10, 20, 30, 40), Box(0, 0, 5, 6)])
        'given by a person: 10 20 40 60; 0 0 5 6'
    """
    corners = ((box.top, box.left, box.top + box.height, box.left + box.width) for box in boxes)
    return GIVEN + "; ".join(" ".join(map(str, corner)) for corner in corners)
