"""A simulated annotator, who knows the mass and prompts for it by stated rules: for training and for measuring.

Depth is the distance of a pixel of a region to the region's edge. All draws come from the generator that is given.
"""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from mammoseg.interactive.model import InteractiveModel
from mammoseg.interactive.prompts import Prompts

MIDDLE = 0.5
"""A first click is at least so deep in the mass, as a share of its greatest depth."""

EDGE = 0.2
"""A click near the edge is at most so deep."""

DEEPEST = 0.8
"""A correcting click is at least so deep in the largest error, as a share of its greatest depth."""

TIGHT, LOOSE = (-0.05, 0.1), (0.15, 0.4)
"""How far each side of a box is drawn outside of the mass, as a share of the mass's height or width, uniform."""


def draw_first_click(mass: np.ndarray, random: np.random.Generator, *, near_edge: bool = False) -> np.ndarray:
    """(2,) row and column of a click into a mass: any pixel of its middle, or of its rim.

    Args:
        mass: (rows, columns) bool, not empty.
        near_edge: click at most `EDGE` deep, not at least `MIDDLE` deep.
    """
    depth = compute_depth(mass)
    most = depth.max()
    wanted = mass & (depth <= max(EDGE * most, 1.0)) if near_edge else depth >= MIDDLE * most
    return _sample_pixel(wanted, random)


def find_correcting_click(
    mask: np.ndarray, mass: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, bool] | None:
    """Where the mask is wrong most: row and column (2,), and whether the click is inside; None where nothing is wrong.

    Of all connected regions that were missed or drawn too much the largest gets a click, at least `DEEPEST` deep.
    """
    best = (0, mass, False)
    for wrong, inside in ((mass & ~mask, True), (mask & ~mass, False)):
        largest = find_largest_part(wrong)
        best = max(best, (int(largest.sum()), largest, inside), key=lambda found: found[0])
    size, region, inside = best
    if not size:
        return None
    depth = compute_depth(region)
    return _sample_pixel(depth >= DEEPEST * depth.max(), random), inside


def draw_prompt_box(
    mass: np.ndarray, random: np.random.Generator, *, loose: bool = False
) -> tuple[float, float, float, float]:
    """Box around a mass as a hand draws it: (top, left, bottom, right), in the image, `TIGHT` or `LOOSE`."""
    rows, columns = np.flatnonzero(mass.any(1)), np.flatnonzero(mass.any(0))
    low, high = np.array([rows[0], columns[0]]), np.array([rows[-1], columns[-1]]) + 1
    out = random.uniform(*(LOOSE if loose else TIGHT), size=(2, 2)) * (high - low)
    top, left = np.maximum(low - out[0], 0)
    bottom, right = np.minimum(high + out[1], mass.shape)
    return float(top), float(left), float(bottom), float(right)


def draw_stroke_inside(mass: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(3, 2) polyline through the middle of a mass, its points in the order of the mass's longer axis."""
    middle = compute_depth(mass) >= MIDDLE * compute_depth(mass).max()
    points = np.stack([_sample_pixel(middle, random) for _ in range(3)])
    span = np.ptp(points, axis=0)
    return points[np.argsort(points[:, span.argmax()])]


def draw_stroke_outside(mass: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(N, 2) polyline beside a mass: a quarter of a line around it, at 0.3 of its greatest depth or 3 pixels."""
    gap = max(3.0, 0.3 * float(compute_depth(mass).max()))
    around = (cv2.distanceTransform((~mass).astype(np.uint8), cv2.DIST_L2, 5) <= gap).astype(np.uint8)
    outlines, _ = cv2.findContours(around, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)[:, 0, ::-1]
    start = int(random.integers(len(outline)))
    return np.roll(outline, -start, axis=0)[: max(2, len(outline) // 4) : 3].astype(float)


def draw_faulty_mask(mass: np.ndarray, random: np.random.Generator, *, fault: float) -> np.ndarray:
    """A mask that is wrong as a network's is: the edge moved by a smooth random field, the whole smaller or larger.

    Args:
        mass: (rows, columns) bool, with room around it.
        fault: typical move of the edge, as a share of the mass's greatest depth.
    """
    depth = compute_depth(mass)
    radius = float(depth.max())
    signed = depth - cv2.distanceTransform((~mass).astype(np.uint8), cv2.DIST_L2, 5)
    cell = max(1.0, random.uniform(0.8, 2.4) * radius)
    rows, columns = (max(2, round(side / cell)) for side in mass.shape)
    coarse = random.standard_normal((rows, columns), np.float32)
    field = cv2.resize(coarse, mass.shape[::-1], interpolation=cv2.INTER_CUBIC)
    faulty = signed + fault * radius * (field + random.uniform(-1, 1)) > 0
    return find_largest_part(faulty) if faulty.any() else mass


def draw_other_region(mass: np.ndarray, click: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """An ellipse (rows, columns) around a click that knows little of the mass, too small or too large for it.

    Args:
        mass: (rows, columns) bool, with room around it.
        click: (2,) row and column, inside of the ellipse.
    """
    axes = float(compute_depth(mass).max()) * np.exp(random.uniform(np.log(0.3), np.log(2.5), 2))
    centre = click + random.uniform(-0.6, 0.6, 2) * axes.min()
    drawn = np.zeros(mass.shape, np.uint8)
    x, y = np.rint(centre[::-1]).astype(int).tolist()
    across, down = np.maximum(np.rint(axes), 2).astype(int).tolist()
    cv2.ellipse(drawn, (x, y), (across, down), random.uniform(0, 180), 0, 360, (1,), cv2.FILLED)
    return drawn.astype(bool)


def correct_mask(
    model: InteractiveModel,
    prepared: Any,
    mass: np.ndarray,
    prompts: Prompts,
    random: np.random.Generator,
    *,
    mask: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """The annotator at work: the first mask, and that after each correcting click; ends where nothing is wrong.

    Args:
        prepared: what the model has prepared of the image.
        mass: the truth, bool (rows, columns).
        prompts: those to begin with.
        mask: what they have led to, (rows, columns) bool; None where the model has to be asked.
    """
    if mask is None:
        mask = model.segment(prepared, prompts)
    yield mask
    while (click := find_correcting_click(mask, mass, random)) is not None:
        prompts = with_click(prompts, click[0], inside=click[1], mask=mask)
        mask = model.segment(prepared, prompts)
        yield mask


def with_click(prompts: Prompts, point: np.ndarray, *, inside: bool, mask: np.ndarray | None) -> Prompts:
    """The prompts after one more click `point` (row, column), on the mask so far (rows, columns)."""
    foreground, background = prompts.foreground, prompts.background
    if inside:
        foreground = np.vstack([foreground, point])
    else:
        background = np.vstack([background, point])
    return Prompts(foreground, background, prompts.box, prompts.inside, prompts.outside, mask)


def compute_depth(region: np.ndarray) -> np.ndarray:
    """(rows, columns) float32 distance of each pixel to the nearest one outside of a region; beyond the image counts.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.interactive.simulate import compute_depth
        >>> compute_depth(np.ones((1, 3), bool)).tolist()
        [[1.0, 1.0, 1.0]]
    """
    return cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]


def find_largest_part(region: np.ndarray) -> np.ndarray:
    """The largest connected part of a mask, (rows, columns) bool; empty where the mask is."""
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    if count == 1:
        return np.zeros_like(region)
    return parts == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())


def list_masses(label: np.ndarray, *, least: int = 60) -> list[np.ndarray]:
    """Each connected mass of a label, (rows, columns) bool, that has at least `least` pixels; in reading order."""
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(label.astype(np.uint8), connectivity=8)
    return [parts == number for number in range(1, count) if statistics[number, cv2.CC_STAT_AREA] >= least]


def _sample_pixel(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return random.choice(np.argwhere(pixels)).astype(float)
