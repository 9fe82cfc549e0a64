"""An annotator clicks until the outline is good, and draws where clicks do not get there; both cost by stated rules."""

import numpy as np
import pytest

from mammoseg.active_learning.effort import (
    CLICK_SECONDS,
    DRAWN_SECONDS,
    LOOK_SECONDS,
    MOST_CLICKS,
    OutliningCost,
    annotate,
)
from mammoseg.interactive.prompts import Prompts

LEFT, RIGHT = np.zeros((2, 40, 60), bool)
LEFT[10:20, 5:15] = RIGHT[20:35, 40:55] = True


class Knowing:
    """A model that gives the mass on the left when it is clicked on, and else the clicked pixels alone."""

    name = "knowing"

    def prepare(self, image: np.ndarray) -> tuple[int, ...]:
        return image.shape

    def segment(self, prepared: tuple[int, ...], prompts: Prompts) -> np.ndarray:
        clicked = np.zeros(prepared, bool)
        clicked[tuple(prompts.foreground.astype(int).T)] = True
        return LEFT if (clicked & LEFT).any() else clicked


@pytest.mark.parametrize(
    ("masses", "effort"),
    [
        ([], OutliningCost(films=1)),
        ([LEFT], OutliningCost(films=1, clicks=1)),
        ([LEFT, RIGHT], OutliningCost(films=1, clicks=1 + MOST_CLICKS, drawn=1)),
    ],
)
def test_a_mass_costs_its_clicks_and_is_drawn_when_they_were_in_vain(masses, effort):
    film = annotate(Knowing(), np.zeros((40, 60), np.float32), masses, np.random.default_rng(0))
    assert film.effort == effort
    assert np.array_equal(film.mask, np.logical_or.reduce(masses) if masses else np.zeros((40, 60), bool))


def test_seconds_are_looks_clicks_and_drawing():
    effort = OutliningCost(films=1, clicks=4) + OutliningCost(films=1, clicks=10, drawn=1)
    assert effort.seconds == 2 * LOOK_SECONDS + 14 * CLICK_SECONDS + DRAWN_SECONDS
