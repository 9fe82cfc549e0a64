"""How well models outline masses from the prompts of a simulated annotator: Dice after each of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.data.datalist import load_section
from mammoseg.evaluation.statistics import bootstrap_mean_interval
from mammoseg.interactive.model import InteractiveModel
from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.simulate import correct_mask, draw_first_click, draw_prompt_box, list_masses
from mammoseg.metrics.overlap import compute_dice
from mammoseg.parts import find_parts
from mammoseg.transforms.cached_dataset import CachedDataset
from mammoseg.transforms.prompted import build_whole_film

CLICKS = (1, 2, 3, 5, 10)
"""After how many clicks Dice is told."""

PROPOSAL = "proposal"
"""The start that no prompt is needed for: what a model that looks at the whole film drew on the mass."""

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
        patient_id: patient of the film.
        mass: number of the mass in the image, from 0.
        pixels: area of the true mass, on the frame.
        seed: number that the annotator drew from.
        start: a key of `STARTS`, or `PROPOSAL`.
        dice: after the first prompt, or as it was proposed, and after each correcting click, as long as something was
            wrong.
    """

    image_id: str
    patient_id: str
    mass: int
    pixels: int
    seed: int
    start: str
    dice: tuple[float, ...]

    @property
    def first(self) -> int:
        """How many prompts the first Dice took."""
        return 0 if self.start == PROPOSAL else 1

    def get_dice_after(self, prompts: int) -> float:
        """Dice after so many prompts; who has nothing to correct any more stops."""
        return self.dice[min(prompts - self.first, len(self.dice) - 1)]

    def count_prompts_to(self, goal: float) -> int | None:
        """After how many prompts Dice reached `goal` first; None where it never did."""
        return next((number for number, value in enumerate(self.dice, self.first) if value >= goal), None)


STARTS: dict[str, tuple[Callable[[np.ndarray, np.random.Generator], Prompts], int]] = {
    "click": (lambda mass, random: Prompts(foreground=draw_first_click(mass, random)[None]), CLICKS[-1]),
    "click near the edge": (
        lambda mass, random: Prompts(foreground=draw_first_click(mass, random, near_edge=True)[None]),
        1,
    ),
    "box": (lambda mass, random: Prompts(box=draw_prompt_box(mass, random)), 1),
    "loose box": (lambda mass, random: Prompts(box=draw_prompt_box(mass, random, loose=True)), 1),
}
"""First prompts by name, and how many prompts in all a mass gets."""

_COUNTED = {start: (1, most) for start, (_, most) in STARTS.items()} | {PROPOSAL: (0, CLICKS[-1])}
"""Fewest and most prompts that each start is told of."""


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
        films: whole films, as `load_films` gives them.
        seeds: numbers that the draws of the annotator come from.
        starts: keys of `STARTS`.
    """
    for film in _prepare_films(model, films):
        for index, mass in enumerate(film.masses):
            for seed in seeds:
                for start in starts:
                    random = np.random.default_rng([seed, film.number, index, list(STARTS).index(start)])
                    first, most = STARTS[start]
                    found = _compute_dice_of_masks(
                        correct_mask(model, film.prepared, mass, first(mass, random), random), mass, most
                    )
                    yield _make_outlined(film, index, seed, start, found)


def correct_proposals(
    model: InteractiveModel,
    films: CachedDataset,
    propose: Callable[[np.ndarray], np.ndarray],
    *,
    seeds: Sequence[int] = (0, 1, 2),
) -> Iterator[Outlined]:
    """Let the annotator correct with `model` what was proposed: the part that covers most of a mass, or nothing.

    Args:
        films: whole films, as `load_films` gives them.
        propose: bool mask ``(rows, columns)`` of the masses in a film ``(rows, columns)``, 0 to 1.
        seeds: numbers that the draws of the annotator come from.
    """
    for film in _prepare_films(model, films):
        proposed = propose(film.image)
        for index, mass in enumerate(film.masses):
            part = _find_part_on(mass, proposed)
            for seed in seeds:
                random = np.random.default_rng([seed, film.number, index, len(STARTS)])
                found = _compute_dice_of_masks(
                    correct_mask(model, film.prepared, mass, Prompts(), random, mask=part), mass, CLICKS[-1] + 1
                )
                yield _make_outlined(film, index, seed, PROPOSAL, found)


def load_films(dataset_dir: Path | str, *, section: str, cache_dir: Path | str | None = None) -> CachedDataset:
    """Films of a section of a datalist that have a mass, on `FRAME`."""
    records = load_section(f"{dataset_dir}/datalist.json", section)
    with_mass = [record for record in records if record["has_mass"]]
    return CachedDataset(with_mass, build_whole_film(FRAME), cache_dir=cache_dir, traced=False)


def summarise_outlines(outlined: Sequence[Outlined]) -> dict[str, Any]:
    """Means over masses of what one model did, each a mean over the annotators' seeds, with the lowest and the highest.

    Returns:
        By start: ``dice`` after prompts, all masses and those below the median area, with the 95 % interval over
        patients; for clicks also ``to``: median number of clicks to each of `GOALS` and the share of masses that never
        get there.
    """
    median = float(np.median([each.pixels for each in outlined]))
    summary: dict[str, Any] = {"masses": len({(o.image_id, o.mass) for o in outlined}), "median_pixels": median}
    for start, (first, most) in _COUNTED.items():
        found = [each for each in outlined if each.start == start]
        if not found:
            continue
        small = [each for each in found if each.pixels < median]
        counts = [count for count in (0, *CLICKS) if first <= count <= most]
        summary[start] = {
            "dice": {str(count): _summarise_dice(found, count) for count in counts},
            "dice_small": {str(count): _summarise_dice(small, count) for count in counts},
        }
        if most > 1:
            summary[start]["to"] = {f"{goal:.2f}": _summarise_clicks(found, goal) for goal in GOALS}
    return summary


@dataclass(frozen=True)
class _Film:
    """A film with its masses, and what the model prepared of it."""

    number: int
    record: Mapping[str, Any]
    image: np.ndarray
    masses: Sequence[np.ndarray]
    prepared: Any


def _prepare_films(model: InteractiveModel, films: CachedDataset) -> Iterator[_Film]:
    """Those that have a mass which counts."""
    for number, record in enumerate(films.data):
        item = films[number]
        image = item["image"][0].numpy()
        if masses := list_masses(item["label"][0].numpy() > 0, least=LEAST_PIXELS):
            yield _Film(number, record, image, masses, model.prepare(image))


def _make_outlined(film: _Film, index: int, seed: int, start: str, dice: tuple[float, ...]) -> Outlined:
    pixels = int(film.masses[index].sum())
    return Outlined(film.record["image_id"], film.record["patient_id"], index, pixels, seed, start, dice)


def _compute_dice_of_masks(masks: Iterable[np.ndarray], mass: np.ndarray, most: int) -> tuple[float, ...]:
    """Dice of the first masks, of so many at most."""
    return tuple(compute_dice(mask, mass) for mask in islice(masks, most))


def _find_part_on(mass: np.ndarray, proposed: np.ndarray) -> np.ndarray:
    """The connected part of a mask that covers most of a mass; nothing where none does."""
    parts, _ = find_parts(proposed)
    covering = np.bincount(parts[mass])
    covering[0] = 0
    return parts == covering.argmax() if covering.any() else np.zeros_like(proposed)


def _summarise_dice(outlined: Sequence[Outlined], prompts: int) -> dict[str, Any]:
    """Mean over masses, of each seed and of all; and the interval of it, drawing patients."""
    if not outlined:
        return {}
    of_seed: dict[int, list[float]] = {}
    for each in outlined:
        of_seed.setdefault(each.seed, []).append(each.get_dice_after(prompts))
    means = [float(np.mean(values)) for values in of_seed.values()]
    values, patients = [each.get_dice_after(prompts) for each in outlined], [each.patient_id for each in outlined]
    interval = bootstrap_mean_interval(values, patients)
    return {"mean": float(np.mean(means)), "lowest": min(means), "highest": max(means), "interval": list(interval)}


def _summarise_clicks(outlined: Sequence[Outlined], goal: float) -> Mapping[str, float | None]:
    clicks = [each.count_prompts_to(goal) for each in outlined]
    reached = [count for count in clicks if count is not None]
    return {
        "median": float(np.median(reached)) if reached else None,
        "mean": float(np.mean(reached)) if reached else None,
        "never": 1 - len(reached) / len(clicks),
    }
