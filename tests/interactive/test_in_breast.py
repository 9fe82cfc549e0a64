"""A prompt in the black beside the breast is refused."""

import numpy as np
import pytest

from mammoseg.interactive.in_breast import check_in_breast
from mammoseg.interactive.prompts import PromptError, Prompts

BREAST = np.zeros((10, 20), bool)
BREAST[:, :8] = True

IN, OUT = [5.0, 3.0], [5.0, 12.0]


def test_what_lies_in_the_breast_or_reaches_out_of_it_is_answered() -> None:
    for prompts in (
        Prompts(foreground=np.array([IN]), background=np.array([OUT])),
        Prompts(inside=(np.array([OUT, IN]),), outside=(np.array([OUT]),)),
        Prompts(box=(2, 7.5, 9, 15)),
        Prompts(mask=~BREAST),
    ):
        check_in_breast(prompts, BREAST)


@pytest.mark.parametrize(
    ("prompts", "says"),
    [
        (Prompts(foreground=np.array([IN, OUT])), "The click at row 5, column 12 is outside of the breast"),
        (Prompts(inside=(np.array([IN]), np.array([OUT, [6.0, 19.0]]))), "The stroke from row 5, column 12"),
        (Prompts(box=(2, 8, 9, 15)), "The box from row 2, column 8"),
    ],
)
def test_a_click_a_stroke_or_a_box_beside_the_breast_is_refused(prompts: Prompts, says: str) -> None:
    with pytest.raises(PromptError, match=says):
        check_in_breast(prompts, BREAST)
