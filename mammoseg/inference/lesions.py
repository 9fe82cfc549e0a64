"""From a probability map and its mammogram to lesions: one rule for `predict`, `inferring` and the label server."""

from dataclasses import dataclass

import numpy as np

from mammoseg.counts import format_count
from mammoseg.dicom.measure import Scale, compute_scale_in_breast, find_bounding_window
from mammoseg.errors import InputRefusedError
from mammoseg.mammogram import Mammogram
from mammoseg.parts import find_parts
from mammoseg.transforms.functional.breast import find_recorded_breast

SMALLEST_AREA = 1e-4
"""Fraction of the image below which a region is a speck and is dropped: an eighth of the 5th percentile of real masses
(0.08 % in CBIS-DDSM), and about 7 pixels of a 256 x 256 network grid. A fraction needs no pixel spacing."""

SPECK = f"{SMALLEST_AREA:.2%} of the image"

MOST_LESIONS = 64
"""More separate regions than this are no masses but a sign of a wrong threshold or an untrained network."""

LARGEST_SHARE = 0.215
"""Fraction of the breast above which all masses together are none: the 99.9th percentile of the drawn masses over
`find_breast_mask` in the 1,231 films of CBIS-DDSM at 256 x 256 (median 0.010, largest 0.253), measured on 2026-11-28.
Two of these films lie above it."""


@dataclass(frozen=True)
class Masses:
    """What was found in one mammogram.

    Attributes:
        probability: float32 ``(rows, columns)`` on the stored grid, 0 outside the breast and in padding.
        lesions: bool of the same shape each, largest first.
        left_out: how many regions reach the threshold and are too small, and by which rule; None where none are.
    """

    probability: np.ndarray
    lesions: list[np.ndarray]
    left_out: str | None


def find_masses(
    probability: np.ndarray,
    mammogram: Mammogram,
    *,
    threshold: float,
    min_area_mm2: float | None = None,
    min_area_pixels: float | None = None,
    least_area_mm2: float | None = None,
) -> Masses:
    """The lesions of a mammogram, as they are written and answered.

    Args:
        probability: probability of mass, float32 ``(rows, columns)`` on the grid of the mammogram.
        threshold: probability from which a pixel is mass.
        min_area_mm2: smallest lesion in the breast that a person asks for; needs an honest pixel spacing.
        min_area_pixels: smallest lesion in pixels; with neither, `SMALLEST_AREA` of the image and `least_area_mm2`.
        least_area_mm2: smallest lesion of the weights, which counts where the image has an honest pixel spacing.

    Raises:
        InputRefusedError: ``E_NETWORK``, ``E_TOO_MANY_REGIONS`` or ``E_TOO_LARGE`` where the network found what cannot
            be masses; ``E_SPACING``.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from mammoseg.data.mammogram import read_mammogram
        >>> from mammoseg.data.phantom import generate_cohort
        >>> from mammoseg.inference.lesions import find_masses
        >>> record, *_ = generate_cohort(Path("phantoms"), patients=1, size=80)
        >>> mammogram = read_mammogram(f"phantoms/{record['image']}")
        >>> probability = np.zeros(mammogram.pixels.shape, np.float32)
        >>> probability[35:45, 40:45] = 0.9
        >>> [int(lesion.sum()) for lesion in find_masses(probability, mammogram, threshold=0.5).lesions]
        [50]
    """
    if not (probability.min() >= 0 and probability.max() <= 1):  # neither holds for NaN
        raise InputRefusedError("E_NETWORK", "the network gave values that are no probabilities; check its weights.")
    breast = find_recorded_breast(mammogram)
    probability = probability * breast
    if min_area_mm2 is not None:
        smallest, rule = _require_pixels(min_area_mm2, mammogram), f"{min_area_mm2:g} mm2, as asked for"
    elif min_area_pixels is not None:
        smallest, rule = min_area_pixels, f"{min_area_pixels:g} pixels, as asked for"
    else:
        speck, least = SMALLEST_AREA * probability.size, _convert_to_pixels(least_area_mm2 or 0.0, mammogram) or 0.0
        smallest = max(speck, least)
        rule = f"{least_area_mm2:g} mm2, the least area of the weights" if least > speck else SPECK
    lesions, too_small = _split_regions(probability, threshold, smallest)
    if len(lesions) > MOST_LESIONS:
        reason = f"{len(lesions)} separate regions are no masses; raise the threshold or train the network."
        raise InputRefusedError("E_TOO_MANY_REGIONS", reason)
    share = sum(map(np.count_nonzero, lesions)) / max(1, np.count_nonzero(breast))
    if share > LARGEST_SHARE:
        reason = (
            f"{share:.0%} of the breast is called mass, which no film has; raise the threshold or train the network."
        )
        raise InputRefusedError("E_TOO_LARGE", reason)
    return Masses(probability, lesions, f"{format_count(too_small, 'region')} under {rule}" if too_small else None)


def find_scale(mammogram: Mammogram) -> Scale | None:
    """Size of a pixel in the breast, None where the file gives no honest spacing."""
    return compute_scale_in_breast(mammogram.pixel_spacing_mm, mammogram.pixel_spacing_source, mammogram.magnification)


def _split_regions(probability: np.ndarray, threshold: float, smallest: float) -> tuple[list[np.ndarray], int]:
    """The connected regions that have so many pixels, largest first, and the number of those that have not."""
    mass = probability >= threshold
    window = find_bounding_window(mass)
    labels, count = find_parts(mass[window])  # of a small part, which is ten times as fast
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    by_size = [index for index in np.argsort(-areas, kind="stable") if areas[index] >= smallest]
    return [_place_part(labels == index + 1, window, mass.shape) for index in by_size], count - len(by_size)


def _place_part(part: np.ndarray, window: tuple[slice, slice], shape: tuple[int, ...]) -> np.ndarray:
    """bool of this shape, False outside the window that `part` fills."""
    lesion = np.zeros(shape, bool)
    lesion[window] = part
    return lesion


def _require_pixels(area_mm2: float, mammogram: Mammogram) -> float:
    pixels = _convert_to_pixels(area_mm2, mammogram)
    if pixels is None:
        raise InputRefusedError(
            "E_SPACING", "there is no pixel spacing to be believed; give the smallest area with --min_area_pixels."
        )
    return pixels


def _convert_to_pixels(area_mm2: float, mammogram: Mammogram) -> float | None:
    """How many pixels an area in the breast has; None where there is no honest spacing."""
    scale = find_scale(mammogram)
    return None if scale is None else area_mm2 / (scale.row_mm * scale.column_mm)
