"""Free-response ROC of lesions: how many masses are found at how many false marks an image.

A mark is a region of the probability map that stands out, scored by its highest probability. Bunch et al. 1978,
doi:10.1117/12.955926, describe the curve; hits by overlap and by centre are both in use, so both are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mammoseg.metrics.choose_threshold import RESAMPLES
from mammoseg.metrics.masks import as_mask_pair
from mammoseg.metrics.regions import Region, find_connected_regions

FLOOR = 0.05
"""Probability above which pixels join to a mark."""

SMALLEST = 6 / 256**2
"""Fraction of the image below which a region is no mark: 6 pixels of 256 x 256."""

HIT_IOU = 0.2
"""Intersection over union of mark and mass from which the mark has found it."""

RULES = ("iou", "centre", "either")
"""When a mark has found a mass: by `HIT_IOU`, by its centre inside, by one of both."""

FALSE_POSITIVES = (0.1, 0.25, 0.5, 1.0, 2.0)
"""False marks an image at which the sensitivity is given."""

SHOWN_RULE = "either"
"""Rule of the marks that count as right in the calibration, and of the curves that runs are compared by."""

SHOWN_FALSE_POSITIVES = (0.5, 1.0)
"""False marks an image at which a sentence or a record says how many masses are found."""


@dataclass(frozen=True)
class Mark(Region):
    """One region that stands out.

    Attributes:
        score: its highest probability.
    """

    score: float


@dataclass(frozen=True)
class FoundLesions:
    """What the marks of one image found, under one rule.

    Attributes:
        lesions: score of the best mark on each mass; minus infinity for one that no mark found.
        false: scores of the marks that found none.
        true: scores of the marks that found one. The second on a mass counts in no curve, neither way.
        group: the patient, or None.
    """

    lesions: tuple[float, ...]
    false: tuple[float, ...]
    true: tuple[float, ...] = ()
    group: str | None = None


@dataclass(frozen=True)
class FrocCurve:
    """Sensitivity against false marks an image, from the highest score down.

    Attributes:
        false_positives: false marks an image, rising from 0.
        sensitivity: fraction of the masses found with at most so many.
        lesions: number of masses.
        images: number of images.
    """

    false_positives: tuple[float, ...]
    sensitivity: tuple[float, ...]
    lesions: int
    images: int

    def find_sensitivity(self, false_positives: float) -> float:
        """Sensitivity at no more than so many false marks an image; NaN beyond the `end`, and without a mass."""
        if not self.lesions or false_positives > self.end:
            return float("nan")
        return max(s for f, s in zip(self.false_positives, self.sensitivity, strict=True) if f <= false_positives)

    @property
    def end(self) -> float:
        """False marks an image when all marks are counted; the curve goes no further."""
        return self.false_positives[-1]


def find_marks(probability: np.ndarray) -> list[Mark]:
    """Regions above `FLOOR` of at least `SMALLEST`, each cut at half of its highest value.

    Args:
        probability: ``(rows, columns)``, 0 to 1.
    """
    marks = []
    for region in find_connected_regions(probability > FLOOR):
        if region.area >= SMALLEST * probability.size:
            values = probability[region.box]
            score = float(values[region.inside].max())
            marks.append(Mark(region.box, region.inside & (values >= score / 2), score))
    return marks


def find_lesions_by_marks(
    probability: np.ndarray,
    truth: np.ndarray,
    *,
    lesions: Sequence[Region] | None = None,
    group: str | None = None,
) -> dict[str, FoundLesions]:
    """Which masses of one image the marks find, by rule.

    Args:
        probability: ``(rows, columns)``, 0 to 1.
        truth: mask of the masses, of the same shape.
        lesions: the masses one by one; None takes touching pixels of `truth` for one mass.
        group: code of the patient; None where nobody knows it.

    Raises:
        ValueError: the shapes differ, or the truth has values other than 0 and 1.
    """
    _, masses = as_mask_pair(probability > FLOOR, truth)
    lesions = find_connected_regions(masses) if lesions is None else lesions
    marks = find_marks(probability)
    hits = [_find_hits(mark, lesions) for mark in marks]
    return {rule: _collect_found(rule, marks, hits, len(lesions), group) for rule in RULES}


def compute_froc(images: Sequence[FoundLesions]) -> FrocCurve:
    """The curve over all images; it begins at no false mark.

    Raises:
        ValueError: there is no image.
    """
    if not images:
        raise ValueError("a curve over no image does not exist; evaluate some.")
    found = np.array([score for image in images for score in image.lesions])
    false = np.array([score for image in images for score in image.false])
    thresholds = np.unique(np.concatenate([found[np.isfinite(found)], false]))[::-1]
    per_image = _count_from(thresholds, false) / len(images)
    sensitivity = _count_from(thresholds, found) / max(len(found), 1)
    return FrocCurve((0.0, *per_image.tolist()), (0.0, *sensitivity.tolist()), len(found), len(images))


def bootstrap_froc(
    images: Sequence[FoundLesions],
    *,
    false_positives: Sequence[float] = FALSE_POSITIVES,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[tuple[float, float]]:
    """Percentile bootstrap intervals of the sensitivity at so many false marks an image, drawing whole patients.

    A draw whose own curve ends earlier counts with all that its marks found.

    Args:
        images: an image whose group is None stands alone.
        false_positives: an image; an interval each.
        confidence: 0.95 gives the 2.5th and the 97.5th percentile.
        resamples: number of draws.
        seed: seed of the draws; the same seed gives the same interval.

    Returns:
        Lower and upper end of each; NaN for both with fewer than two patients or without a mass.
    """
    names: dict[object, int] = {}
    patients = [
        names.setdefault(position if image.group is None else image.group, len(names))
        for position, image in enumerate(images)
    ]
    found, owners_of_found = _rank_scores([image.lesions for image in images], patients)
    false, owners_of_false = _rank_scores([image.false for image in images], patients)
    if len(names) < 2 or not len(found):
        return [(float("nan"), float("nan"))] * len(false_positives)
    images_of_patient = np.bincount(patients)
    next_false = np.append(false, -np.inf)
    random = np.random.default_rng(seed)
    values = np.full((resamples, len(false_positives)), np.nan)
    for row in values:
        times = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))
        allowed = np.multiply(false_positives, times @ images_of_patient) + 1e-9
        first_too_many = np.searchsorted(np.cumsum(times[owners_of_false]), allowed, side="right")
        hits = np.append(0, np.cumsum(times[owners_of_found]))
        if hits[-1]:
            row[:] = hits[np.searchsorted(-found, -next_false[first_too_many], side="left")] / hits[-1]
    low, high = np.nanquantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _find_hits(mark: Mark, lesions: Sequence[Region]) -> dict[str, set[int]]:
    """Numbers, from 0, of the masses that a mark found, by rule."""
    row, column = (
        part.start + round(place) for part, place in zip(mark.box, ndimage.center_of_mass(mark.inside), strict=True)
    )
    by_iou = {number for number, lesion in enumerate(lesions) if _compute_iou(mark, lesion) >= HIT_IOU}
    by_centre = {number for number, lesion in enumerate(lesions) if lesion.holds(row, column)}
    return dict(zip(RULES, (by_iou, by_centre, by_iou | by_centre), strict=True))


def _compute_iou(one: Region, other: Region) -> float:
    common = one.count_common(other)
    return common / (one.area + other.area - common)


def _collect_found(
    rule: str, marks: Sequence[Mark], hits: Sequence[dict[str, set[int]]], count: int, group: str | None
) -> FoundLesions:
    best = [-np.inf] * count
    false: list[float] = []
    true: list[float] = []
    for mark, hit in zip(marks, hits, strict=True):
        (true if hit[rule] else false).append(mark.score)
        for number in hit[rule]:
            best[number] = max(best[number], mark.score)
    return FoundLesions(tuple(best), tuple(false), tuple(true), group)


def _count_from(thresholds: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """How many of the scores are at least each threshold."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")


def _rank_scores(scores: Sequence[Sequence[float]], patients: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """All scores, highest first, and the patient of each."""
    values = np.array([score for of_image in scores for score in of_image], float)
    owners = np.repeat(patients, [len(of_image) for of_image in scores])
    order = np.argsort(-values, kind="stable")
    return values[order], owners[order]
