"""Synthetic masses: how many, where, how large, with a smooth margin or with spicules.

Lengths are fractions of the number of rows of the image, so that the same mass can be drawn at any size.
"""

from dataclasses import dataclass

import numpy as np

from mammoseg.data.phantom_texture import draw_power_law_noise, smooth_step

COLUMNS_PER_ROW = 0.8
"""Width over height of an image, as in full-field detectors of 24 x 30 cm."""

MASS_AREA_MEDIAN = 0.0027
"""Median of mass area over image area, as in the 1,231 mass images of CBIS-DDSM."""

MASS_AREA_SIGMA = 0.8
"""Standard deviation of the logarithm of that fraction, which puts 5 % and 95 % near 0.08 % and 1.1 %."""


@dataclass(frozen=True)
class Mass:
    """One mass, at one place of the breast, whatever the view.

    Attributes:
        spiculated: irregular with spicules, else round or oval with a smooth margin.
        area: area of the core, over image area.
        depth: distance from the nipple over nipple-to-chest-wall distance, 0 to 1.
        lateral: place across a CC view, -1 (medial edge of the breast) to 1 (lateral).
        upper: place across an MLO view, -1 (lower edge) to 1 (upper).
        contrast: brightness above the tissue that it lies in, over the full range.
        elongation: long axis over short axis.
    """

    spiculated: bool
    area: float
    depth: float = 0.5
    lateral: float = 0.0
    upper: float = 0.0
    contrast: float = 0.28
    elongation: float = 1.2

    @property
    def radius(self) -> float:
        """Of the circle with the area of the core, over image rows."""
        return float(np.sqrt(self.area * COLUMNS_PER_ROW / np.pi))


def draw_mass(rng: np.random.Generator) -> Mass:
    """Draw a mass whose size, kind and place are spread as in a screening archive."""
    spiculated = bool(rng.random() < 0.5)
    return Mass(
        spiculated=spiculated,
        area=float(np.clip(MASS_AREA_MEDIAN * np.exp(MASS_AREA_SIGMA * rng.standard_normal()), 0.0005, 0.02)),
        depth=rng.uniform(0.3, 0.75),
        lateral=rng.uniform(-0.6, 0.6),
        upper=rng.uniform(-0.6, 0.6),
        contrast=rng.uniform(0.19, 0.32),
        elongation=rng.uniform(1.0, 1.5),
    )


def draw_masses(rng: np.random.Generator) -> list[Mass]:
    """Draw one mass, or in one breast of ten two."""
    return [draw_mass(rng) for _ in range(2 if rng.random() < 0.1 else 1)]


def compute_mass_brightness(
    rng: np.random.Generator, mass: Mass, shape: tuple[int, int], place: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one mass in a window of three radii: nothing of it reaches further.

    Args:
        shape: size of the image, (rows, columns).
        place: row and column of the centre.

    Returns:
        Core, bool ``(rows, columns)``, and what the mass adds to the tissue, float32 of the same shape.
    """
    rows, columns = shape
    reach = int(np.ceil(3 * mass.radius * rows))
    top, left = max(0, place[0] - reach), max(0, place[1] - reach)
    window = np.s_[top : min(rows, place[0] + reach + 1), left : min(columns, place[1] + reach + 1)]
    y, x = (axis.astype(np.float32) for axis in np.ogrid[window])
    y, x = (y - place[0]) / rows / mass.radius, (x - place[1]) / rows / mass.radius  # in radii
    angle, distance = np.arctan2(y, x), np.hypot(x, y)
    inward = _draw_border(rng, angle, mass) - distance  # 0 at the margin, about 1 in the middle
    softness = 0.25 if mass.spiculated else 0.15
    dome = 0.65 + 0.35 * np.sqrt(np.clip(inward, 0, 1))
    drawn = dome * smooth_step(inward / (2 * softness) + 0.5)
    if mass.spiculated:
        drawn = np.maximum(drawn, _draw_spicules(rng, angle, distance))
    core, brightness = np.zeros(shape, bool), np.zeros(shape, np.float32)
    core[window] = inward > 0
    texture = 1 + 0.1 * draw_power_law_noise(rng, (distance.shape[0], distance.shape[1]), exponent=2)
    brightness[window] = mass.contrast * drawn * texture
    return core, brightness


def _draw_border(rng: np.random.Generator, angle: np.ndarray, mass: Mass) -> np.ndarray:
    """Distance of the margin from the centre for each angle; encloses the area of a circle of radius 1."""
    turned = angle - rng.uniform(0, np.pi)
    orders = np.arange(2, 8)
    amplitudes = (0.5 if mass.spiculated else 0.16) * rng.uniform(0.3, 1, orders.size) / orders**1.3
    phases = rng.uniform(0, 2 * np.pi, orders.size)

    def compute_unscaled(at: np.ndarray) -> np.ndarray:
        waves = sum(a * np.cos(k * at + p) for a, k, p in zip(amplitudes, orders, phases, strict=True))
        return (1 + waves) / np.hypot(np.cos(at) / mass.elongation**0.5, np.sin(at) * mass.elongation**0.5)

    return compute_unscaled(turned) / np.sqrt(
        (compute_unscaled(np.linspace(0, 2 * np.pi, 720, endpoint=False)) ** 2).mean()
    )


def _draw_spicules(rng: np.random.Generator, angle: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Brightness of thin lines that leave the core and fade, the core included; `distance` in core radii."""
    lines = np.zeros_like(distance)
    for direction in rng.uniform(-np.pi, np.pi, rng.integers(12, 22)):
        length, width, bend = rng.uniform(1.5, 2.6), rng.uniform(0.07, 0.12), rng.uniform(-0.15, 0.15)
        aside = np.angle(np.exp(1j * (angle - direction - bend * distance))).astype(np.float32) * distance
        line = np.exp(-((aside / width) ** 2)) * np.clip((length - distance) / (length - 0.6), 0, 0.75)
        lines = np.maximum(lines, line)
    return lines
