"""What a network that takes prompts learns from: one mass of each film, with simulated prompts, anew in each epoch."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from mammoseg.interactive.guidance import build_network_input, standardise
from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.simulate import (
    draw_faulty_mask,
    draw_first_click,
    draw_other_region,
    draw_prompt_box,
    draw_stroke_inside,
    draw_stroke_outside,
    find_correcting_click,
    find_largest_part,
    list_masses,
    with_click,
)
from mammoseg.interactive.view import CropView, build_levels, choose_square, cut, measure_breast_height
from mammoseg.transforms.cached_dataset import CachedDataset
from mammoseg.transforms.pipelines import Preprocessing
from mammoseg.transforms.prompted import build_whole_film

KINDS = {"click": 0.35, "refined": 0.3, "corrected": 0.1, "box": 0.2, "strokes": 0.05}
"""How often each kind of prompts is drawn: a first click; the same on a mask so far; further clicks in errors, with
the mask so far or without; a box, with clicks or without; strokes."""

MOST_CORRECTIONS = 8
"""Clicks after the first prompts."""

FAULTS = (0.1, 1.0)
"""Of a mask so far, see `draw_faulty_mask`, uniform."""

FORGOTTEN = 0.6
"""How often a mask so far chooses the view, but is not shown: as after a first look, whose mask may be of no use."""

ROOM = 0.75
"""Room around a mass in which errors are simulated, as a share of its longer side."""


class PromptedCrops(Dataset):
    """Crops around prompts out of whole films, with their guidance.

    An item draws its mass, prompts, errors so far, and the way in which the crop is turned, scaled and changed in grey
    from (seed, epoch, index) alone, as `CachedDataset` does.

    Args:
        data: records with absolute paths at ``image`` and ``label``; those without a mass are left out.
        preprocessing: a result of `build_prompted_preprocessing`: grid of the crops, frame of the films.
        cache_dir: folder of the cache of films.
        seed: number that all draws come from.
        augmented: turn and change crops; else they are as they are looked at after training.
    Shape:
        items ``image`` ``(channels, grid, grid)`` of `build_network_input`, ``label`` ``(1, grid, grid)`` of 0 and 1.
    """

    def __init__(
        self,
        data: Sequence[dict[str, Any]],
        preprocessing: Preprocessing,
        *,
        cache_dir: Path | str | None,
        seed: int = 0,
        augmented: bool = True,
    ) -> None:
        settings = preprocessing.settings
        self.grid = settings["spatial_size"][0]
        self.augmented = augmented
        self.films = CachedDataset(
            [record for record in data if record["has_mass"]],
            build_whole_film(settings["frame"]),
            cache_dir=cache_dir,
            seed=seed,
            traced=False,
        )
        self._known: dict[int, tuple[float, list[tuple[np.ndarray, np.ndarray]]]] = {}

    def __len__(self) -> int:
        return len(self.films)

    def set_epoch(self, epoch: int) -> None:
        """Choose the draws; call it before each epoch."""
        self.films.set_epoch(epoch)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.films[index]
        image, label = item["image"][0].numpy(), item["label"][0].numpy()
        if index not in self._known:
            self._known[index] = measure_breast_height(image), [_cut_around(mass) for mass in _choose_masses(label > 0)]
        height, masses = self._known[index]
        random = np.random.default_rng(item["draw"])
        mass, offset = masses[random.integers(len(masses))]
        prompts = draw_prompts(mass, random)
        view = self._choose_view(prompts, height, random)
        unit = standardise(cut(build_levels(image, 2), view.shift(offset)))
        if self.augmented:
            unit = _change_grey(unit, random)
            if random.random() < FORGOTTEN:
                prompts = replace(prompts, mask=None)
        truth = view.cut(mass.astype(np.float32)) > 0.5
        return {
            "image": torch.from_numpy(build_network_input(unit, prompts, view)),
            "label": torch.from_numpy(truth[None].astype(np.float32)),
            "draw": item["draw"],
        }

    def _choose_view(self, prompts: Prompts, height: float, random: np.random.Generator) -> CropView:
        centre, side = choose_square(prompts, breast_height=height)
        axes = np.eye(2) * side / self.grid
        if self.augmented:
            centre = centre + random.uniform(-0.08, 0.08, 2) * side
            axes = axes @ _sample_turn(random)
        return CropView(centre, axes, self.grid)


def draw_prompts(mass: np.ndarray, random: np.random.Generator) -> Prompts:
    """Prompts for a mass ``(rows, columns)`` with room around it, of a kind drawn from `KINDS`."""
    kind = random.choice(list(KINDS), p=list(KINDS.values()))
    start = Prompts(foreground=draw_first_click(mass, random, near_edge=random.random() < 0.25)[None])
    match kind:
        case "click":
            return start
        case "refined":
            return replace(start, mask=_sample_first_mask(start, mass, random))
        case "box":
            return _simulate_box(mass, random, loose=random.random() < 0.5)
        case "strokes":
            outside = (draw_stroke_outside(mass, random),) if random.random() < 0.5 else ()
            return Prompts(inside=(draw_stroke_inside(mass, random),), outside=outside)
        case _:
            return _add_corrections(start, mass, random)


def _simulate_box(mass: np.ndarray, random: np.random.Generator, *, loose: bool) -> Prompts:
    prompts = Prompts(box=draw_prompt_box(mass, random, loose=loose))
    draw = random.random()
    if draw < 0.25:
        return _add_corrections(prompts, mass, random)
    mask = draw_faulty_mask(mass, random, fault=random.uniform(0.1, 0.4)) if draw < 0.5 else None
    return Prompts(box=prompts.box, mask=mask)


def _add_corrections(prompts: Prompts, mass: np.ndarray, random: np.random.Generator) -> Prompts:
    """Further clicks, few more often than many, each in the largest error of a mask less wrong than the one before."""
    fault = random.uniform(*FAULTS)
    for number in range(1 + int(MOST_CORRECTIONS * random.random() ** 2)):
        if number:
            mask = draw_faulty_mask(mass, random, fault=fault / (1 + 0.5 * number))
        else:
            mask = _sample_first_mask(prompts, mass, random)
        if (found := find_correcting_click(mask, mass, random)) is not None:
            prompts = with_click(prompts, found[0], inside=found[1], mask=mask)
    kept = prompts.mask if random.random() < 0.8 else None
    return Prompts(prompts.foreground, prompts.background, prompts.box, mask=kept)


def _choose_masses(label: np.ndarray) -> list[np.ndarray]:
    return list_masses(label) or [find_largest_part(label)]


def _sample_first_mask(prompts: Prompts, mass: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What a network may have found from the first prompts: the mass with faults, or for clicks another region."""
    if len(prompts.foreground) and random.random() < 0.4:
        return draw_other_region(mass, prompts.foreground[0], random)
    return draw_faulty_mask(mass, random, fault=random.uniform(*FAULTS))


def _cut_around(mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a label around a mass, and its first row and column, so that simulating costs little."""
    rows, columns = np.flatnonzero(mass.any(1)), np.flatnonzero(mass.any(0))
    low, high = np.array([rows[0], columns[0]]), np.array([rows[-1], columns[-1]]) + 1
    room = max(8, math.ceil(ROOM * (high - low).max()))
    low, high = np.maximum(low - room, 0), np.minimum(high + room, mass.shape)
    return mass[low[0] : high[0], low[1] : high[1]].copy(), low


def _sample_turn(random: np.random.Generator) -> np.ndarray:
    """(2, 2) how the axes of a view are turned, scaled, stretched and mirrored."""
    angle, scale, aspect = random.uniform(-1, 1, 3) * (math.pi / 6, 0.25, 0.25)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    mirror = np.where(random.random(2) < 0.5, -1.0, 1.0)
    return turn @ np.diag(np.exp([scale - aspect / 2, scale + aspect / 2]) * mirror)


def _change_grey(unit: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Grey values of a view with another gamma, brightness, contrast and noise."""
    gamma, contrast, brightness = random.uniform(-1, 1, 3) * (0.3, 0.2, 0.1)
    changed = np.sign(unit) * np.abs(unit) ** math.exp(gamma) * math.exp(contrast) + brightness
    noise = random.standard_normal(unit.shape, np.float32) * np.float32(0.05 * random.random())
    return np.clip(changed + noise, -0.5, 1.5).astype(np.float32)
