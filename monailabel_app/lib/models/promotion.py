"""Whether a new version is served: it must not be worse on images of patients that neither version has learned from."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TOLERANCE = 0.0
"""By how much the mean Dice may fall. None by default: many trainings in a row would add it up."""

FEWEST_HELD_OUT = 5
"""Held-out images with a mass below which a mean says too little."""


@dataclass(frozen=True)
class Verdict:
    """Whether, why, and on what grounds: JSON values."""

    promote: bool
    reason: str
    facts: dict[str, Any]


def judge(result: Mapping[str, Any], *, tolerance: float = TOLERANCE, fewest: int = FEWEST_HELD_OUT) -> Verdict:
    """Compare the mean Dice before and after on the same held-out images, both scored by the same code now.

    Images without a mass have no Dice and do not count.

    Args:
        result: ``after`` and ``before``: Dice or None by image; ``before`` is None where there was no version yet.
        tolerance: loss of Dice that is allowed, see `TOLERANCE`.
        fewest: fewest images to judge by, see `FEWEST_HELD_OUT`.
    """
    after = _pick_scored(result["after"])
    before = None if result["before"] is None else _pick_scored(result["before"])
    facts = {
        "held_out_images": len(after),
        "dice_after": round(statistics.fmean(after), 4) if after else None,
        "dice_before": round(statistics.fmean(before), 4) if before else None,
        "tolerance": tolerance,
        "min_held_out": fewest,
    }
    if before is None:
        return Verdict(True, "served: there was no version before", facts)
    if len(after) < fewest:
        many = f"{len(after)} held-out images with a mass are too few to judge, {fewest} are needed"
        return Verdict(False, f"not served: {many}; promote it by hand if it is wanted", facts)
    difference = statistics.fmean(after) - statistics.fmean(before)
    means = f"mean Dice {facts['dice_after']:.4f} after and {facts['dice_before']:.4f} before on {len(after)} images"
    if difference >= -tolerance:
        return Verdict(True, f"served: {means}, not worse (tolerance {tolerance:g})", facts)
    return Verdict(False, f"not served: {means}, worse by more than {tolerance:g}", facts)


def _pick_scored(scores: Mapping[str, float | None]) -> list[float]:
    return [score for score in scores.values() if score is not None]
