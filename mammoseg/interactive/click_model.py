"""The network that takes prompts, as a model of the label server; needs no torch where another engine computes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mammoseg.bundles import locate_bundle, locate_runs
from mammoseg.checkpoints.record import check_architecture
from mammoseg.checkpoints.weights_file import choose_best_weights
from mammoseg.inference.engines.start import start_engine
from mammoseg.interactive.clicks import list_pixels, without_clicked_out
from mammoseg.interactive.guidance import build_network_input, standardise
from mammoseg.interactive.prompts import Prompts
from mammoseg.interactive.random_walker import RandomWalker
from mammoseg.interactive.view import build_levels, choose_square, cut, find_window, make_square, measure_breast_height
from mammoseg.odds import apply_sigmoid
from mammoseg.parts import find_parts

BUNDLE = "click_unet"

LEVELS = 4
"""Sizes of an image that are kept: a view of the whole height of 8,000 rows still skips no pixel on 128 x 128."""

SQUARES = (0.8, 1.0, 1.25)
"""Sides of the squares of a look, in sides of the one that prompts choose; training draws such scales too."""

MIRRORED: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))
"""Axes along which what the network sees is mirrored, and its answer back."""


@dataclass(frozen=True)
class PreparedFilm:
    """What is kept of an image between prompts.

    Attributes:
        levels: the image and smaller ones, of `build_levels`.
        height: height of the breast, in pixels of the image.
    """

    levels: list[np.ndarray]
    height: float

    @property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes."""
        return sum(level.nbytes for level in self.levels)


class ClickModel:
    """Outlines a mass from clicks, a box or strokes, see `mammoseg.interactive.model.InteractiveModel`.

    Clicks or strokes alone are first looked at in a square of fixed size, then anew in one around what was found there.
    Each look is the mean over `SQUARES` around one centre, each as it is and `MIRRORED`. A mask so far is corrected by
    the random walker, which changes it near a click against it and nowhere else; on validation that gained more than
    another look (docs).

    Args:
        network: logits ``(N, 1, grid, grid)`` of `build_network_input` ``(N, channels, grid, grid)``, float32.
        grid: pixels of a side.
        threshold: probability from which a pixel is mass.
    """

    name = BUNDLE

    def __init__(self, network: Callable[[np.ndarray], np.ndarray], *, grid: int, threshold: float = 0.5) -> None:
        self.network = network
        self.grid = grid
        self.threshold = threshold
        self.corrector = RandomWalker()

    def prepare(self, image: np.ndarray) -> PreparedFilm:
        """Smaller copies of an image ``(rows, columns)``, and the height of its breast."""
        return PreparedFilm(build_levels(image, LEVELS), measure_breast_height(image))

    def segment(self, prepared: PreparedFilm, prompts: Prompts) -> np.ndarray:
        """(rows, columns) bool mask of the mass that prompts mean, without what they say is outside."""
        if prompts.mask is not None and not prompts.mask.any():
            prompts = replace(prompts, mask=None)  # nothing so far: there is nothing to correct
        if prompts.mask is not None and len(prompts.list_marks_inside()) + len(prompts.list_marks_outside()):
            return self.corrector.segment(self.corrector.prepare(prepared.levels[0]), prompts)
        found = self._outline(prepared, prompts, around=prompts)
        if prompts.mask is None and prompts.box is None and found.any():
            found = self._outline(prepared, prompts, around=replace(prompts, mask=found))
        return without_clicked_out(found, prompts)

    def _outline(self, prepared: PreparedFilm, prompts: Prompts, *, around: Prompts) -> np.ndarray:
        centre, side = choose_square(around, breast_height=prepared.height)
        views = [make_square(centre, share * side, grid=self.grid) for share in SQUARES]
        seen = np.stack([build_network_input(standardise(cut(prepared.levels, view)), prompts, view) for view in views])
        logits = self.network(np.concatenate([np.flip(seen, axes) for axes in MIRRORED]))
        chances = apply_sigmoid(logits).reshape(len(MIRRORED), *seen[:, :1].shape)
        upright = np.mean([np.flip(chance, axes) for chance, axes in zip(chances, MIRRORED, strict=True)], axis=0)
        mask = np.zeros(prepared.levels[0].shape, bool)
        window = find_window(views, mask.shape)
        start = np.array([part.start for part in window])
        shown = [
            view.shift(-start).move_back(np.asarray(chance[0], np.float32), mask[window].shape)
            for view, chance in zip(views, upright, strict=True)
        ]
        marks = list_pixels(prompts.foreground, prompts.inside, mask.shape) - start
        mask[window] = _keep_marked(np.mean(shown, axis=0) >= self.threshold, marks)
        return mask


def choose_click_weights() -> Path:
    """Weights that the model takes unless told otherwise: those that training wrote, else those that came with it."""
    return choose_best_weights(Path(locate_runs(BUNDLE)) / "models", shipped=Path(locate_bundle(BUNDLE)) / "models")


def load_click_model(weights: Path | None = None, *, runtime: str = "auto", device: str | None = None) -> ClickModel:
    """The model with the weights of a file; None takes those of `choose_click_weights`.

    Args:
        runtime: engine that computes, see `mammoseg.inference.engines.engine.choose_runtime`.
        device: torch device; None for a GPU where there is one.

    Raises:
        WeightsError: there are none, or they are of another architecture.
        WrongCallError: no such engine or device.
        EngineError: the engine that was named cannot compute the network.
    """
    record, engine = start_engine(weights or choose_click_weights(), device=device, runtime=runtime, precision=None)
    check_architecture(record, BUNDLE)
    threshold = {} if record.threshold is None else {"threshold": record.threshold}
    return ClickModel(engine, grid=record.preprocessing["spatial_size"][0], **threshold)


def _keep_marked(mask: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """The parts of a mask that hold a mark inside, pixels ``(N, 2)``; where none does, its largest part."""
    parts, count = find_parts(mask)
    if not count:
        return mask
    held = np.unique(parts[tuple(marks.T)])
    held = held[held > 0]
    return np.isin(parts, held if len(held) else 1 + np.bincount(parts.ravel())[1:].argmax())
