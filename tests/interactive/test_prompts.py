"""Prompts are held to their image."""

from __future__ import annotations

import numpy as np
import pytest

from mammoseg.interactive.prompts import PromptError, Prompts, check_prompts

CLICK = np.array([[3.0, 4.0]])


@pytest.mark.parametrize(
    ("prompts", "says"),
    [
        (Prompts(), "No click"),
        (Prompts(background=CLICK), "No click"),
        (Prompts(mask=np.zeros((10, 20), bool)), "No click"),
        (Prompts(foreground=np.array([[10.0, 0.0]])), "row 10, column 0 is outside"),
        (Prompts(foreground=CLICK, background=np.array([[0.0, -1.0]])), "outside"),
        (Prompts(foreground=np.array([[np.nan, 1.0]])), "outside"),
        (Prompts(foreground=np.zeros((1001, 2))), "1,001 points"),
        (Prompts(box=(2, 2, 2, 5)), "empty"),
        (Prompts(box=(2, 2, 11, 5)), "outside"),
        (Prompts(mask=np.zeros((9, 20), bool)), r"shape \(9, 20\)"),
    ],
)
def test_prompts_that_say_nothing_about_this_image_are_refused(prompts: Prompts, says: str) -> None:
    with pytest.raises(PromptError, match=says):
        check_prompts(prompts, (10, 20))


def test_a_click_a_stroke_a_box_or_a_mask_alone_is_enough() -> None:
    for prompts in (
        Prompts(foreground=CLICK),
        Prompts(inside=(CLICK,)),
        Prompts(box=(0, 0, 10, 20)),
        Prompts(mask=np.ones((10, 20), bool)),
    ):
        check_prompts(prompts, (10, 20))


def test_marks_are_clicks_then_the_points_of_strokes() -> None:
    stroke = np.array([[1.0, 1.0], [2.0, 2.0]])
    prompts = Prompts(foreground=CLICK, inside=(stroke,), outside=(stroke, stroke))
    assert prompts.list_marks_inside().tolist() == [[3, 4], [1, 1], [2, 2]]
    assert len(prompts.list_marks_outside()) == 4
