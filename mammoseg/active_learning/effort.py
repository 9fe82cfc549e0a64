"""What it costs an annotator to outline a film with a model as his tool: clicks, and seconds by a model of cost."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from mammoseg.interactive.model import InteractiveModel
from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.simulate import correct_mask, draw_first_click
from mammoseg.metrics.overlap import compute_dice

LOOK_SECONDS = 10.0
"""Of a film, whatever is in it: open it and find what there is."""

CLICK_SECONDS = 3.0
"""Of each click: aim, click, look at the new outline."""

DRAWN_SECONDS = 40.0
"""Of a mass that clicks did not get right: outline it by hand."""

GOOD = 0.85
"""Dice from which the annotator takes an outline as it is; who annotates without a truth looks as closely."""

MOST_CLICKS = 10
"""Clicks after which he draws by hand."""


@dataclass(frozen=True)
class OutliningCost:
    """What an annotator did; the sum of two is what he did in both.

    Attributes:
        films: films that he looked at.
        clicks: clicks, of those masses too that he drew afterwards.
        drawn: masses drawn by hand.
    """

    films: int = 0
    clicks: int = 0
    drawn: int = 0

    def __add__(self, other: "OutliningCost") -> "OutliningCost":
        return OutliningCost(self.films + other.films, self.clicks + other.clicks, self.drawn + other.drawn)

    @property
    def seconds(self) -> float:
        """By the model of cost.

        Examples:
            >>> from mammoseg.active_learning.effort import OutliningCost
            >>> OutliningCost(films=2, clicks=5, drawn=1).seconds
            75.0
        """
        return LOOK_SECONDS * self.films + CLICK_SECONDS * self.clicks + DRAWN_SECONDS * self.drawn


@dataclass(frozen=True)
class AnnotatedFilm:
    """A film as the annotator left it.

    Attributes:
        mask: bool ``(rows, columns)``, what he took or drew.
        effort: what it cost.
    """

    mask: np.ndarray
    effort: OutliningCost = field(default_factory=OutliningCost)


def annotate(
    model: InteractiveModel, image: np.ndarray, masses: Sequence[np.ndarray], random: np.random.Generator
) -> AnnotatedFilm:
    """Outline the masses of a film one after the other: click until the outline is `GOOD`, else draw it.

    Args:
        model: what he clicks with.
        image: ``(rows, columns)``, 0 to 1.
        masses: the truth, each bool ``(rows, columns)``.
        random: where in a mass or an error he clicks, see `mammoseg.interactive.simulate`.
    """
    prepared = model.prepare(image)
    whole = np.zeros(image.shape, bool)
    effort = OutliningCost(films=1)
    for mass in masses:
        outline, cost = _outline_by_clicks(model, prepared, mass, random)
        whole |= outline
        effort += cost
    return AnnotatedFilm(whole, effort)


def _outline_by_clicks(
    model: InteractiveModel, prepared: Any, mass: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, OutliningCost]:
    prompts = Prompts(foreground=draw_first_click(mass, random)[np.newaxis])
    masks = correct_mask(model, prepared, mass, prompts, random)
    for clicks, mask in enumerate(islice(masks, MOST_CLICKS), start=1):
        if compute_dice(mask, mass) >= GOOD:
            return mask, OutliningCost(clicks=clicks)
    return mass, OutliningCost(clicks=MOST_CLICKS, drawn=1)
