"""How well models outline masses from the prompts of a simulated annotator: Dice after each of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.data.datalist import load_section
from mammoseg.interactive.model import InteractiveModel
from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.simulate import correcting_click, drawn_box, first_click, masses_of, with_click
from mammoseg.metrics.overlap import compute_dice
from mammoseg.transforms.cached_dataset import CachedDataset
from mammoseg.transforms.prompted import whole_film

CLICKS = (1, 2, 3, 5, 10)
"""After how many clicks Dice is told."""

GOALS = (0.80, 0.85)
"""Dice to which clicks are counted."""

LEAST_PIXELS = 60
"""Of a mass that counts, on the frame."""


FRAME = (736, 736)
"""Rows and columns on which Dice is told: those of the finer copy of CBIS-DDSM."""


@dataclass(frozen=True)
class Outlined:
    """One mass, outlined from one kind of prompts.

    Attributes:
        image_id: name of the film in the datalist.
        mass: number of the mass in the image, from 0.
        pixels: area of the true mass, on the frame.
        seed: number that the annotator drew from.
        start: ``click``, ``click near the edge``, ``box`` or ``loose box``.
        dice: after the first prompt and after each correcting click, as long as something was wrong.
    """

    image_id: str
    mass: int
    pixels: int
    seed: int
    start: str
    dice: tuple[float, ...]

    def after(self, prompts: int) -> float:
        """Dice after so many prompts; who has nothing to correct any more stops."""
        return self.dice[min(prompts, len(self.dice)) - 1]

    def prompts_to(self, goal: float) -> int | None:
        """After how many prompts Dice reached `goal` first; None where it never did."""
        return next((number for number, value in enumerate(self.dice, 1) if value >= goal), None)


STARTS: dict[str, tuple[Callable[[np.ndarray, np.random.Generator], Prompts], int]] = {
    "click": (lambda mass, random: Prompts(foreground=first_click(mass, random)[None]), CLICKS[-1]),
    "click near the edge": (
        lambda mass, random: Prompts(foreground=first_click(mass, random, near_edge=True)[None]),
        1,
    ),
    "box": (lambda mass, random: Prompts(box=drawn_box(mass, random)), 1),
    "loose box": (lambda mass, random: Prompts(box=drawn_box(mass, random, loose=True)), 1),
}
"""First prompts by name, and how many prompts in all a mass gets."""


def outline_masses(
    model: InteractiveModel,
    films: CachedDataset,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    starts: Sequence[str] = tuple(STARTS),
) -> Iterator[Outlined]:
    """Let the annotator outline each mass of `films` with `model`, one after the other.

    The annotator's draws come from (seed, film, mass, start), so all models get the same first prompts.

    Args:
        films: whole films, as `films_of` gives them.
        seeds: numbers that the draws of the annotator come from.
        starts: keys of `STARTS`.
    """
    for number, record in enumerate(films.data):
        item = films[number]
        prepared = model.prepare(item["image"][0].numpy())
        for index, mass in enumerate(masses_of(item["label"][0].numpy() > 0, least=LEAST_PIXELS)):
            for seed in seeds:
                for start in starts:
                    random = np.random.default_rng([seed, number, index, list(STARTS).index(start)])
                    found = _session(model, prepared, mass, start, random)
                    yield Outlined(record["image_id"], index, int(mass.sum()), seed, start, found)


def films_of(dataset_dir: Path | str, *, section: str, cache_dir: Path | str | None = None) -> CachedDataset:
    """Films of a section of a datalist that have a mass, on `FRAME`."""
    records = load_section(f"{dataset_dir}/datalist.json", section)
    with_mass = [record for record in records if record["has_mass"]]
    return CachedDataset(with_mass, whole_film(FRAME), cache_dir=cache_dir, traced=False)


def summary_of(outlined: Sequence[Outlined]) -> dict[str, Any]:
    """Means over masses of what one model did, each a mean over the annotators' seeds, with the lowest and the highest.

    Returns:
        By start: ``dice`` after prompts, all masses and those below the median area; for clicks also ``to``: median
        number of clicks to each of `GOALS` and the share of masses that never get there.
    """
    median = float(np.median([each.pixels for each in outlined]))
    summary: dict[str, Any] = {"masses": len({(o.image_id, o.mass) for o in outlined}), "median_pixels": median}
    for start, (_, most) in STARTS.items():
        found = [each for each in outlined if each.start == start]
        if not found:
            continue
        small = [each for each in found if each.pixels < median]
        counts = [count for count in CLICKS if count <= most]
        summary[start] = {
            "dice": {str(count): _over_seeds(found, count) for count in counts},
            "dice_small": {str(count): _over_seeds(small, count) for count in counts},
        }
        if most > 1:
            summary[start]["to"] = {f"{goal:.2f}": _clicks_to(found, goal) for goal in GOALS}
    return summary


def _session(
    model: InteractiveModel, prepared: Any, mass: np.ndarray, start: str, random: np.random.Generator
) -> tuple[float, ...]:
    first, most = STARTS[start]
    prompts = first(mass, random)
    found: list[float] = []
    while True:
        mask = model.segment(prepared, prompts)
        found.append(compute_dice(mask, mass))
        if len(found) == most or (click := correcting_click(mask, mass, random)) is None:
            return tuple(found)
        prompts = with_click(prompts, click[0], inside=click[1], mask=mask)


def _over_seeds(outlined: Sequence[Outlined], prompts: int) -> dict[str, float]:
    means = [
        float(np.mean([each.after(prompts) for each in outlined if each.seed == seed]))
        for seed in sorted({each.seed for each in outlined})
    ]
    return {"mean": float(np.mean(means)), "lowest": min(means), "highest": max(means)} if means else {}


def _clicks_to(outlined: Sequence[Outlined], goal: float) -> Mapping[str, float | None]:
    clicks = [each.prompts_to(goal) for each in outlined]
    reached = [count for count in clicks if count is not None]
    return {
        "median": float(np.median(reached)) if reached else None,
        "mean": float(np.mean(reached)) if reached else None,
        "never": 1 - len(reached) / len(clicks),
    }
