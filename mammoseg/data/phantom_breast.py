"""Synthetic mammograms: a compressed breast with glandular tissue, masses, and what else films show.

Lengths are fractions of the number of rows, so that the same breast can be drawn at any size. `u` runs from the chest
wall (column 0 of a left breast) to the nipple, `v` from the top of the image to its bottom. Texture follows the
power law that mammograms have, 1 / f**3 (Burgess et al. 2001, doi:10.1118/1.1355308).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mammoseg.data.phantom_mass import COLUMNS_PER_ROW, Mass, compute_mass_brightness, draw_mass
from mammoseg.data.phantom_texture import draw_power_law_noise, smooth_step

HIGHEST = 4095
"""Highest pixel value, 12 bits."""


@dataclass(frozen=True)
class Breast:
    """The breast that both views show.

    Attributes:
        depth: nipple to chest wall, over image rows.
        height: extent along the chest wall, over image rows.
        density: BI-RADS category, 1 (almost all fat) to 4 (extremely dense).
        masses: masses in it, may be empty.
    """

    depth: float
    height: float
    density: int
    masses: tuple[Mass, ...] = ()


def draw_breast(rng: np.random.Generator, *, masses: Sequence[Mass] = ()) -> Breast:
    """Draw size and density of a breast that has these masses."""
    return Breast(
        depth=rng.uniform(0.36, 0.56),
        height=rng.uniform(0.68, 0.88),
        density=int(rng.choice([1, 2, 3, 4], p=[0.15, 0.4, 0.35, 0.1])),
        masses=tuple(masses),
    )


def draw_view(
    rng: np.random.Generator,
    *,
    size: int = 512,
    view: str = "CC",
    laterality: str = "L",
    breast: Breast | None = None,
    artefacts: bool = True,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Draw one view of a breast.

    Args:
        size: rows of the image; it has ``round(0.8 * size)`` columns.
        view: CC or MLO.
        laterality: L has the chest wall at the left edge, R is mirrored.
        breast: breast to draw; by default one is drawn, with one mass.
        artefacts: draw the lead marker, and in some images a white border of the film.

    Returns:
        Pixels, uint16, 0 to 4095, dense tissue bright, shape (rows, columns); and the core of each mass, bool, same
        shape, in the order of ``breast.masses``. The cores do not overlap.
    """
    breast = breast or draw_breast(rng, masses=[draw_mass(rng)])
    rows, columns = size, round(COLUMNS_PER_ROW * size)
    u = ((np.arange(columns, dtype=np.float32) + 0.5) / rows)[None, :]
    v = ((np.arange(rows, dtype=np.float32) + 0.5) / rows)[:, None]

    outline = _draw_edge_cc if view == "CC" else _draw_edge_mlo
    edge, nipple = outline(rng, v, breast)
    inside = u < edge
    skin = _measure_distance(inside) / rows
    pectoral = _draw_pectoral(rng, u, v) if view == "MLO" else np.zeros_like(skin)
    thickness = np.sqrt(np.clip(1 - (1 - np.clip(skin / 0.11, 0, 1)) ** 2, 0, 1))

    tissue = 0.26 + 0.025 * draw_power_law_noise(rng, (rows, columns))
    tissue += _draw_gland(rng, u, v, breast, nipple) * (1 - pectoral)
    tissue += _draw_vessels(rng, (rows, columns), nipple)
    tissue += pectoral * (0.42 - 0.2 * v + 0.025 * draw_power_law_noise(rng, (rows, columns), stretch=0.3))
    lesions: list[np.ndarray] = []
    free = inside & (pectoral < 0.05) & (skin > 0.015)
    for mass in breast.masses:
        core, brightness = compute_mass_brightness(
            rng, mass, (rows, columns), _choose_place(mass, view, breast, nipple, u, v, free)
        )
        tissue += brightness
        lesions.append(core & free)
        free &= ~core
    image = thickness * _saturate(tissue) + 0.13 * np.exp(-(((skin - 0.003) / 0.004) ** 2))
    image = np.where(inside, 0.05 + image, 0.02)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.0012 * rows)
    image = image + 0.006 * rng.standard_normal((rows, columns), dtype=np.float32)
    if laterality == "R":
        image = image[:, ::-1]
        lesions = [np.ascontiguousarray(lesion[:, ::-1]) for lesion in lesions]
    image = np.ascontiguousarray(image)
    if artefacts:
        _draw_artefacts(rng, image, f"{laterality} {view}", chest_wall_left=laterality == "L")
    return np.clip(np.rint(image * HIGHEST), 0, HIGHEST).astype(np.uint16), lesions


def _draw_edge_cc(rng: np.random.Generator, v: np.ndarray, breast: Breast) -> tuple[np.ndarray, tuple[float, float]]:
    """Edge of the breast, u for each v, and the nipple (u, v); a half ellipse that is fuller on one side."""
    centre = 0.5 + rng.uniform(-0.03, 0.03)
    across = (v - centre) / (0.5 * breast.height)
    fullness = np.where(across < 0, rng.uniform(1.8, 2.4), rng.uniform(1.9, 2.8))
    edge = breast.depth * np.clip(1 - np.abs(across) ** fullness, 0, None) ** 0.62
    edge += 0.004 * _draw_wobble(rng, v) * (edge > 0)
    return edge + _draw_nipple_bump(rng, v, centre), (breast.depth, centre)


def _draw_edge_mlo(rng: np.random.Generator, v: np.ndarray, breast: Breast) -> tuple[np.ndarray, tuple[float, float]]:
    """As `_draw_edge_cc`; above the nipple the edge runs up into the axilla, below it turns in to the fold."""
    centre = rng.uniform(0.56, 0.64)
    end = centre + rng.uniform(0.27, 0.33)
    axilla = breast.depth * rng.uniform(0.5, 0.7)
    above = axilla + (breast.depth - axilla) * 0.5 * (1 + np.cos(np.pi * np.clip((centre - v) / centre, 0, 1)))
    below = breast.depth * np.clip(1 - (np.clip(v - centre, 0, None) / (end - centre)) ** 2.2, 0, None) ** 0.6
    belly = rng.uniform(0.04, 0.12) * np.clip((v - end + 0.08) / (1.12 - end), 0, 1) ** 1.5
    edge = np.where(v < centre, above, np.hypot(below, belly)) + 0.005 * _draw_wobble(rng, v)
    return edge + _draw_nipple_bump(rng, v, centre), (breast.depth, centre)


def _draw_wobble(rng: np.random.Generator, v: np.ndarray) -> np.ndarray:
    """Slow waves of the skin along the edge, about -1 to 1."""
    waves = [np.sin(2 * np.pi * (order * v + rng.uniform())) / order for order in range(2, 9)]
    return np.sum(waves, axis=0)


def _draw_nipple_bump(rng: np.random.Generator, v: np.ndarray, centre: float) -> np.ndarray:
    return rng.uniform(0.004, 0.016) * np.exp(-(((v - centre) / rng.uniform(0.012, 0.02)) ** 2))


def _draw_pectoral(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """How much of the pectoral muscle lies over each pixel, 0 to 1; a triangle in the upper corner, slightly convex."""
    top, bottom = rng.uniform(0.2, 0.3), rng.uniform(0.5, 0.72)
    edge = top * (1 - v / bottom) + rng.uniform(0.0, 0.12) * np.clip(v / bottom * (1 - v / bottom), 0, None)
    return smooth_step((edge - u) / 0.02 + 0.5) * (v < bottom)


def _draw_gland(
    rng: np.random.Generator, u: np.ndarray, v: np.ndarray, breast: Breast, nipple: tuple[float, float]
) -> np.ndarray:
    """Brightness of the fibroglandular tissue: a cone behind the nipple, broken up by 1 / f**3 noise."""
    shape = (v.shape[0], u.shape[1])
    extent = 0.75 + 0.12 * breast.density
    along = (u - 0.52 * nipple[0]) / (0.5 * extent * nipple[0])
    across = (v - nipple[1] + 0.02) / (0.32 * extent * breast.height)
    cone = 1 - along**2 - across**2
    amount = smooth_step(
        0.8 * cone + 0.42 * draw_power_law_noise(rng, shape, stretch=1.4) + 0.22 * (breast.density - 3)
    )
    lobes = draw_power_law_noise(rng, shape, exponent=2.6, stretch=1.8)
    fine, coarse = _draw_strands(rng, shape, exponent=3.0), _draw_strands(rng, shape, exponent=3.8)
    strands = 0.09 * fine + 0.1 * coarse
    return amount * (0.14 + 0.02 * breast.density + 0.035 * lobes + strands) + 0.45 * smooth_step(cone + 0.7) * strands


def _draw_strands(rng: np.random.Generator, shape: tuple[int, int], *, exponent: float) -> np.ndarray:
    """Ligaments and ducts, 0 to 1: where smooth noise, stretched towards the nipple, passes zero."""
    noise = draw_power_law_noise(rng, shape, exponent=exponent, stretch=2.0)
    return np.exp(-np.abs(noise) / 0.22)


def _draw_vessels(rng: np.random.Generator, shape: tuple[int, int], nipple: tuple[float, float]) -> np.ndarray:
    """Brightness of a few veins that wind from the chest wall towards the nipple."""
    rows = shape[0]
    canvas = np.zeros(shape, np.float32)
    for _ in range(rng.integers(2, 5)):
        along = np.linspace(0, rng.uniform(0.5, 0.9), 40)
        start, phase, waves = rng.uniform(-0.28, 0.28), rng.uniform(0, 2 * np.pi), rng.uniform(1, 3)
        across = nipple[1] + start * (1 - 0.8 * along) + 0.012 * np.sin(2 * np.pi * waves * along + phase)
        points = np.stack([along * nipple[0], across], axis=1) * rows * 16  # 4 fractional bits
        width = max(1, round(rng.uniform(0.003, 0.006) * rows))
        line = cv2.polylines(
            np.zeros_like(canvas), [points.astype(np.int32)], False, [1.0], width, cv2.LINE_AA, shift=4
        )
        canvas = np.maximum(canvas, rng.uniform(0.04, 0.08) * line)
    return cv2.GaussianBlur(canvas, (0, 0), 0.0015 * rows)


def _choose_place(
    mass: Mass, view: str, breast: Breast, nipple: tuple[float, float], u: np.ndarray, v: np.ndarray, free: np.ndarray
) -> tuple[int, int]:
    """Row and column of the centre: where the mass belongs, or the nearest place with room for it."""
    offset = -0.42 * breast.height * (mass.lateral if view == "CC" else mass.upper)
    away = np.hypot(u - nipple[0] * (1 - mass.depth), v - nipple[1] - offset)
    room = _measure_distance(free, closed=True) / v.shape[0]
    fits = room >= min(1.3 * mass.radius, 0.9 * float(room.max()))
    row, column = np.unravel_index(np.argmin(np.where(fits, away, np.inf)), away.shape)
    return int(row), int(column)


def _draw_artefacts(rng: np.random.Generator, image: np.ndarray, text: str, *, chest_wall_left: bool) -> None:
    """Draw the lead marker, far from the chest wall, and in one image of five a white film border."""
    rows, columns = image.shape
    scale = rows / 512 * rng.uniform(0.55, 0.75)
    stroke = max(1, round(1.6 * scale))
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    left = round(columns - width - 0.04 * rows) if chest_wall_left else round(0.04 * rows)
    place = (left, round(rng.uniform(0.05, 0.1) * rows) + height)
    marker = np.zeros(image.shape, np.uint8)  # OpenCV 5 writes text on 8 bits only
    cv2.putText(marker, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, [255], stroke)
    image[marker > 0] = rng.uniform(0.8, 1.0)
    if rng.random() < 0.2:
        border = max(1, round(rng.uniform(0.004, 0.012) * rows))
        brightness = rng.uniform(0.9, 1.0)
        side = rng.integers(3)
        image[:border] = np.where(side == 0, brightness, image[:border])
        image[-border:] = np.where(side == 1, brightness, image[-border:])
        chest_wall = slice(0, border) if chest_wall_left else slice(columns - border, columns)
        image[:, chest_wall] = np.where(side == 2, brightness, image[:, chest_wall])


def _measure_distance(inside: np.ndarray, *, closed: bool = False) -> np.ndarray:
    """Pixels from each inside pixel to the nearest outside one; if `closed`, the border of the image is outside too."""
    padding = cv2.BORDER_CONSTANT if closed else cv2.BORDER_REPLICATE
    padded = cv2.copyMakeBorder(inside.astype(np.uint8), 1, 1, 1, 1, padding, value=[0])
    return cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]


def _saturate(value: np.ndarray) -> np.ndarray:
    """Compress what is brighter than 0.6, as the shoulder of a film does; never reaches 0.9."""
    return np.where(value < 0.6, value, 0.6 + 0.3 * np.tanh((value - 0.6) / 0.3))
