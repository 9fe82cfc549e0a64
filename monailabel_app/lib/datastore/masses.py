"""The masses of one label, each by itself: two that touch stay two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mammoseg.errors import InputRefusedError
from mammoseg.mammogram import MOST_MASSES
from mammoseg.parts import find_parts

Assessment = Literal["", "2", "3", "4A", "4B", "4C", "5", "6"]
"""Category of BI-RADS for one mass, or that none was given."""


@dataclass(frozen=True)
class DrawnMass:
    """One mass that a person drew.

    Attributes:
        mask: bool ``(rows, columns)``, with a pixel.
        assessment: category of BI-RADS, see `Assessment`.
    """

    mask: np.ndarray
    assessment: str = ""


def separate_masses(labels: np.ndarray, assessments: Sequence[str] | None = None) -> list[DrawnMass]:
    """Take a label map apart.

    Args:
        labels: ``(rows, columns)``, 0 where there is no mass.
        assessments: one for each value from 1 on, where each value is one mass, in however many pieces; else each
            connected region of one value is a mass, and the largest comes first.

    Raises:
        InputRefusedError: there are more than `MOST_MASSES`.
    """
    if assessments is not None:
        known = enumerate(assessments, start=1)
        return [DrawnMass(labels == value, said) for value, said in known if (labels == value).any()]
    regions: list[np.ndarray] = []
    for value in np.unique(labels[labels > 0]):
        numbers, count = find_parts(labels == value)
        check_mass_count(len(regions) + count, "separate regions")
        regions += [numbers == number for number in range(1, count + 1)]
    return [DrawnMass(region) for region in sorted(regions, key=np.count_nonzero, reverse=True)]


def check_mass_count(count: int, what: str) -> None:
    """Refuse what nobody draws.

    Raises:
        InputRefusedError: there are more than `MOST_MASSES`.
    """
    if count > MOST_MASSES:
        reason = f"the label has more than {MOST_MASSES} {what}, which are no masses; remove the specks."
        raise InputRefusedError("E_TOO_MANY_REGIONS", reason)


def build_label_map(masses: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Number of the mass that each pixel is of, from 1 on, 0 of none; uint8 `shape`.

    Args:
        masses: bool `shape` each, at most `MOST_MASSES`; of a pixel that several have the first gets it.
    """
    labels = np.zeros(shape, np.uint8)
    for number, mask in enumerate(masses, start=1):
        labels[mask & (labels == 0)] = number
    return labels
