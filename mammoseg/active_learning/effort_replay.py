"""Annotation replayed with a tool that learns too: labels are what an annotator clicked together, and cost effort."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.active_learning.effort import OutliningCost, annotate
from mammoseg.active_learning.learning_tool import as_model, build_tool, train_tool
from mammoseg.active_learning.simulation import Item, Replay, prepare_item
from mammoseg.data.mammogram import read_mammogram
from mammoseg.data.mask_files import write_mask
from mammoseg.data.masks import read_mask
from mammoseg.interactive.model import InteractiveModel
from mammoseg.interactive.random_walker import RandomWalker
from mammoseg.interactive.simulate import list_masses

LEAST_PIXELS = 20
"""Of a mass that is outlined, on the grid of its file."""


class EffortReplay(Replay):
    """A `Replay` whose labels are outlined by `annotate` and kept as files; after each round both networks learn.

    The first films are outlined with the random walker, since no network has learned yet.
    """

    def _annotate(self, strategy: str, draw: tuple[int, int], new: Sequence[str], before: Any) -> dict[str, Any]:
        seed, _ = draw
        tool: InteractiveModel = RandomWalker() if before is None else as_model(self._load_tool(before))
        effort = OutliningCost() if before is None else OutliningCost(**before["row"]["effort"])
        for name in new:
            random = np.random.default_rng([*draw, list(self.pool).index(name)])
            record = self.pool[name]
            mammogram = read_mammogram(record["image_path"])
            low, high = mammogram.value_range
            image = np.clip((mammogram.pixels - low) / (high - low), 0, 1, dtype=np.float32)
            masses = list_masses(read_mask(record["label_path"], shape=image.shape), least=LEAST_PIXELS)
            film = annotate(tool, image, masses, random)
            path = self._locate_outline(seed, strategy, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_mask(path, film.mask)
            effort += film.effort
        return {"effort": asdict(effort), "seconds": effort.seconds}

    def _prepare_item(self, strategy: str, seed: int, name: str) -> Item:
        record = self.pool[name]
        label = self._choose_outline(seed, strategy, name)
        return prepare_item(self.plan, {**record, "image": record["image_path"], "label": str(label)})

    def _train_others(self, strategy: str, draw: tuple[int, int], names: Sequence[str], before: Any) -> dict[str, Any]:
        seed, turn = draw
        tool = self._load_tool(before)
        records, shapes = [], []
        for name in names:
            label = self._choose_outline(seed, strategy, name)
            mask = read_mask(label)
            records.append({"image": self.pool[name]["image_path"], "label": str(label), "has_mass": bool(mask.any())})
            shapes.append(mask.shape)
        rows, columns = zip(*shapes, strict=True)
        train_tool(
            tool,
            records,
            (max(rows), max(columns)),
            steps=self.plan.tool_steps,
            lr=self.plan.lr,
            seed=1000 * seed + turn,
        )
        return {"tool": tool.state_dict()}

    def _load_tool(self, before: Mapping[str, Any] | None) -> Any:
        network = build_tool(self.plan.channels)
        if before is not None:
            network.load_state_dict(before["tool"])
        return network

    def _locate_outline(self, seed: int, strategy: str, name: str) -> Path:
        return self.output / "outlines" / f"{seed}-{strategy}" / f"{name}.png"

    def _choose_outline(self, seed: int, strategy: str, name: str) -> Path:
        """Outline of a film, of this strategy or of the start that all share."""
        own = self._locate_outline(seed, strategy, name)
        return own if own.is_file() else self._locate_outline(seed, "start", name)
