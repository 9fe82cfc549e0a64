"""Prompts as clients send them, turned into those of `mammoseg.interactive`: the one place that knows their orders.

A page sends rows before columns. MONAI Label's clients, such as 3D Slicer's Smart Edit, send voxels: column, row and
slice, which is 0; their box is from and to in each of these, in either order. Scribbles come as a label map.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from skimage.morphology import skeletonize

from mammoseg.data.grid import Grid
from mammoseg.interactive.prompts import MOST_POINTS, PromptError, Prompts, check_prompts
from mammoseg.interactive.run_lengths import RunLengths
from monailabel_app.lib.datastore.label_images import read_label, read_values
from monailabel_app.lib.models.so_far import SoFar

OF_A_PAGE = ("foreground", "background", "box", "inside", "outside", "mask")
OF_SMART_EDIT = ("foreground", "background", "roi")
OF_SCRIBBLES = ("roi", "label_info", "selected_label_name")
"""Names of the parameters of each."""

SCRIBBLE_POINTS = MOST_POINTS // 4
"""Most points that stand for all scribbles of one kind; what was painted counts pixel by pixel besides."""

DEFAULT_SCRIBBLES = (1, 3, 2)
"""Values of the mask so far, inside and outside in a label map without names, as MONAI Label 0.8.5 has them."""


@dataclass(frozen=True)
class Painted:
    """What was painted over pixels, bool ``(rows, columns)`` each."""

    inside: np.ndarray
    outside: np.ndarray


@dataclass(frozen=True)
class Said:
    """What a client said of one mass.

    Attributes:
        prompts: prompts for a model, checked against the image.
        painted: pixels that are inside or outside whatever the model says; None where nothing was painted.
    """

    prompts: Prompts
    painted: Painted | None = None

    @property
    def count(self) -> int:
        """Clicks, strokes and boxes."""
        prompts = self.prompts
        strokes = len(prompts.inside) + len(prompts.outside)
        if self.painted is not None:
            strokes = int(self.painted.inside.any()) + int(self.painted.outside.any())
        return len(prompts.foreground) + len(prompts.background) + (prompts.box is not None) + strokes

    @property
    def marks(self) -> list[str]:
        """Clicks, the box and strokes in words, the same for the same ones; what was painted over pixels has none.

        The kind stands before the numbers: a click inside is another one than a click outside at the same pixel.
        """
        prompts = self.prompts
        is_painted = self.painted is not None
        kinds = {
            "+": prompts.foreground,
            "-": prompts.background,
            "box": () if prompts.box is None else (prompts.box,),
            "stroke +": () if is_painted else prompts.inside,
            "stroke -": () if is_painted else prompts.outside,
        }
        return [f"{kind} {_format_mark(mark)}" for kind, marks in kinds.items() for mark in marks]

    def with_so_far(self, so_far: SoFar | None, shape: tuple[int, int]) -> "Said":
        """The same with the outline of the request before as the mask so far, where that is what is corrected here.

        Args:
            so_far: what was answered then.
            shape: (rows, columns) of the image.
        """
        if so_far is None or self.prompts.mask is not None or not so_far.goes_on_in(self.marks):
            return self
        return replace(self, prompts=replace(self.prompts, mask=so_far.outline.to_mask(shape)))


def from_page(said: Mapping[str, Any], shape: tuple[int, int]) -> Said:
    """Prompts of a page.

    Args:
        said: values of `OF_A_PAGE` that were sent, each of its kind.
        shape: (rows, columns) of the image.

    Raises:
        PromptError: they are none of this image.
    """
    mask = said.get("mask")
    box = said.get("box")
    prompts = Prompts(
        foreground=_parse_points(said.get("foreground", ())),
        background=_parse_points(said.get("background", ())),
        box=None if box is None else (box[0], box[1], box[2], box[3]),
        inside=tuple(_parse_points(stroke) for stroke in said.get("inside", ()) if stroke),
        outside=tuple(_parse_points(stroke) for stroke in said.get("outside", ()) if stroke),
        mask=None if mask is None else RunLengths.from_json(mask.box, mask.counts).to_mask(shape),
    )
    check_prompts(prompts, shape)
    return Said(prompts)


def from_smart_edit(said: Mapping[str, Any], grid: Grid, label: Path | None, image_id: str) -> Said:
    """Prompts of MONAI Label's clients.

    Args:
        said: values of `OF_SMART_EDIT` that were sent, each of its kind.
        grid: grid of the image.
        label: file of the mask so far.
        image_id: what a DICOM SEG in it must refer to.

    Raises:
        PromptError: they are none of this image.
        InputRefusedError: the file is no label of this image.
    """
    prompts = Prompts(
        foreground=_parse_voxels(said.get("foreground", ())),
        background=_parse_voxels(said.get("background", ())),
        box=parse_box(said.get("roi", ()), grid.shape),
        mask=None if label is None else read_label(label, grid, image_id=image_id),
    )
    check_prompts(prompts, grid.shape)
    return Said(prompts)


def from_scribbles(said: Mapping[str, Any], grid: Grid, label: Path | None, image_id: str) -> Said:
    """Prompts of a label map in which a person painted over what is mass and what is not.

    Args:
        said: values of `OF_SCRIBBLES` that were sent, each of its kind.
        label: label map: the segment that was selected is the mask so far, ``foreground_scribbles`` and
            ``background_scribbles`` are what was painted.

    Raises:
        PromptError: there is no label map, or it says nothing of a mass.
        InputRefusedError: the file is no label of this image.
    """
    if label is None:
        raise PromptError("Scribbles come in a label map; send it as the file 'label'.")
    names = {item.name: item.id for item in said.get("label_info", ())}
    wanted = (said.get("selected_label_name", ""), "foreground_scribbles", "background_scribbles")
    chosen = [names.get(name) for name in wanted] if names else DEFAULT_SCRIBBLES
    values = read_values(label, grid, image_id=image_id, known=names.values() or DEFAULT_SCRIBBLES)
    so_far, *marks = (np.zeros(grid.shape, bool) if value is None else values == value for value in chosen)
    painted = Painted(*marks)
    prompts = Prompts(
        box=parse_box(said.get("roi", ()), grid.shape),
        inside=_as_strokes(painted.inside),
        outside=_as_strokes(painted.outside),
        mask=so_far if so_far.any() else None,
    )
    check_prompts(prompts, grid.shape)
    return Said(prompts, painted)


def _parse_points(points: Sequence[Sequence[float]]) -> np.ndarray:
    """(N, 2) rows and columns."""
    if any(len(point) != 2 for point in points):
        raise PromptError("A point is its row and its column; send two numbers for each.")
    return np.array(points, float).reshape(-1, 2)


def _parse_voxels(points: Sequence[Sequence[float]]) -> np.ndarray:
    """(N, 2) rows and columns of voxels (column, row) or (column, row, slice)."""
    if wrong := [point[2] for point in points if len(point) == 3 and point[2] != 0]:
        raise PromptError(
            f"A point lies in slice {wrong[0]:g}, but a mammogram has slice 0 alone; is it another image's?"
        )
    return np.array([point[1::-1] for point in points], float).reshape(-1, 2)


def parse_box(roi: Sequence[float], shape: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """Top, left, bottom and right of a box that Slicer draws in space, so that it often reaches beyond the image.

    Args:
        roi: from and to in columns, in rows and maybe in slices, each in either order; empty where there is no box.
        shape: (rows, columns) of the image.

    Raises:
        PromptError: there are fewer numbers.
    """
    if not roi:
        return None
    if len(roi) < 4:
        raise PromptError("roi must be from and to in columns and in rows; draw the box again.")
    (left, right), (top, bottom) = sorted(roi[:2]), sorted(roi[2:4])
    rows, columns = shape
    return max(top, 0), max(left, 0), min(bottom, rows), min(right, columns)


def _format_mark(mark: Sequence[float] | np.ndarray) -> str:
    """Numbers of a click or box; of a stroke, which has many, a hash of them."""
    numbers = " ".join(f"{number:g}" for number in np.ravel(mark))
    return numbers if np.ndim(mark) == 1 else sha256(numbers.encode()).hexdigest()[:16]


def _as_strokes(painted: np.ndarray) -> tuple[np.ndarray, ...]:
    """Points along the middle of what was painted, each a stroke of its own, evenly fewer than `SCRIBBLE_POINTS`."""
    if not painted.any():
        return ()
    points = np.argwhere(skeletonize(painted))
    step = -(-len(points) // SCRIBBLE_POINTS)
    return tuple(points[::step].astype(float)[:, np.newaxis])
