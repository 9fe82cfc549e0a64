"""Ignite handler that scores every image of an evaluation and writes the tables."""

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import numpy as np
import torch
from ignite.engine import Engine, Events

from mammoseg.evaluation.other_scores import refuse_other_scores
from mammoseg.evaluation.scored_image import ScoredGrid, score_image, write_evaluation
from mammoseg.files import check_folder


class PerImageReport:
    """Writes ``per_image.csv``, ``summary.csv`` and ``summary.json`` when an evaluator completes.

    Beside them stand the tables and pictures of `write_lesion_tables`, from the probabilities before the threshold.
    Every image is scored at network size (``grid`` "network", the papers' protocol), and also on its own pixel grid
    (``grid`` "original") where the item has `pred_key` and `label_key` with the suffix ``_original``. In a distributed
    run the rows of all processes are joined, images that a sampler repeated count once, and the first process writes.

    Args:
        output_dir: folder of the three files; made when missing. Files of an earlier run are replaced, but for those of
            other weights, see `refuse_other_scores`.
        threshold: a pixel is mass when its probability is at least this.
        image_key: key of the image; its ``meta`` is where an identity is looked up that the item itself lacks.
        pred_key: mass probability (1, H, W).
        label_key: truth (1, H, W), 0 or 1.
        provenance: JSON values that go into ``summary.json``.

    Shape:
        ``engine.state.output`` is a list of dictionaries, one an image (a decollated batch). ``image_id`` must be in
        that dictionary, in that of ``engine.state.batch`` or in the image's ``meta``; ``patient_id``, ``laterality``,
        ``view``, the facts of the image and ``pixel_spacing_mm`` (row, column; of the original grid) are taken from
        there when present. ``lesions`` and ``lesions_original`` are the masses one by one, `Region`s of the two grids;
        without them touching pixels of the truth are one mass.
    """

    def __init__(
        self,
        output_dir: str | Path,
        *,
        threshold: float = 0.5,
        image_key: str = "image",
        pred_key: str = "pred",
        label_key: str = "label",
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.threshold = threshold
        self.image_key = image_key
        self.pred_key = pred_key
        self.label_key = label_key
        self.provenance = provenance
        self.images: list[list[ScoredGrid]] = []

    def attach(self, engine: Engine) -> None:
        """Score after every iteration of `engine`, write when it completes."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._score)
        engine.add_event_handler(Events.COMPLETED, self._write)

    def _start(self, engine: Engine) -> None:
        check_folder(self.output_dir)
        refuse_other_scores(self.output_dir, self.provenance or {})
        self.images = []

    def _score(self, engine: Engine) -> None:
        batch: Any = engine.state.batch  # Ignite types both as int | None
        output: Any = engine.state.output
        for given, produced in zip(batch, output, strict=True):
            item = {**given, **produced}
            item = {**getattr(item.get(self.image_key), "meta", {}), **item}
            if "image_id" not in item:
                raise ValueError("an evaluated item has no 'image_id'; the datalist record must reach the evaluator.")
            image = [self._score_grid(item, suffix="", grid="network", spacing_mm=None)]
            if f"{self.pred_key}_original" in item:
                spacing_mm = _read_spacing(item.get("pixel_spacing_mm"))
                image.append(self._score_grid(item, suffix="_original", grid="original", spacing_mm=spacing_mm))
            self.images.append(image)

    def _score_grid(
        self, item: Mapping[str, Any], *, suffix: str, grid: str, spacing_mm: tuple[float, float] | None
    ) -> ScoredGrid:
        return score_image(
            _take_plane(item[self.pred_key + suffix]),
            _take_plane(item[self.label_key + suffix]),
            threshold=self.threshold,
            item=item,
            grid=grid,
            spacing_mm=spacing_mm,
            lesions=item.get("lesions" + suffix),
        )

    def _write(self, engine: Engine) -> None:
        images_of_processes: Any = idist.all_gather(self.images)
        if idist.get_rank() == 0:
            write_evaluation(self.output_dir, _merge_in_order(images_of_processes), provenance=self.provenance)


def _merge_in_order(images_of_processes: Sequence[Sequence[list[ScoredGrid]]]) -> list[list[ScoredGrid]]:
    """Images as the datalist has them, each once: a sampler gives the first process the first, the next the second."""
    once: dict[str, list[ScoredGrid]] = {}
    for image in chain.from_iterable(zip_longest(*images_of_processes)):
        if image is not None:
            once.setdefault(image[0][0]["image_id"], image)
    return list(once.values())


def _take_plane(values: Any) -> np.ndarray:
    """The one channel of a (1, H, W) tensor or array."""
    (plane,) = torch.as_tensor(values).detach().float().cpu().numpy()
    return plane


def _read_spacing(values: Any) -> tuple[float, float] | None:
    """A (row, column) pair of numbers, however collating has wrapped them; None or NaN (not known) gives None."""
    if values is None:
        return None
    row, column = (float(value) for value in values)
    return (row, column) if row > 0 and column > 0 else None
