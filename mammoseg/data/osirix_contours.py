"""Contours as OsiriX exports them: an XML property list of regions with their points in pixels."""

import plistlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoseg.border import refused_as
from mammoseg.errors import InputRefusedError
from mammoseg.folders import is_file

MOST_BYTES = 32 * 2**20
"""Largest file that is parsed; those of INbreast end near 1 MB."""

POINT = re.compile(r"\(\s*(-?\d{1,9}(?:\.\d{0,99})?)\s*,\s*(-?\d{1,9}(?:\.\d{0,99})?)\s*\)")


@dataclass(frozen=True)
class Contour:
    """One region.

    Attributes:
        name: what it shows, such as ``Mass``.
        points: ``(n, 2)``, x and y in pixels from the upper left one; a single one marks a place.
    """

    name: str
    points: np.ndarray


def read_contours(path: Path) -> list[Contour]:
    """All regions of a file.

    Raises:
        InputRefusedError: ``E_CONTOURS``, it is no such file, or too large.
    """
    if not is_file(path) or path.stat().st_size > MOST_BYTES:
        raise InputRefusedError("E_CONTOURS", f"this is no regular file of at most {MOST_BYTES // 2**20} MB.")
    with refused_as("E_CONTOURS", "this is no XML property list of OsiriX's regions; copy it again."):
        # Entities, which could unfold without end, are refused by plistlib.
        images = plistlib.loads(path.read_bytes(), fmt=plistlib.FMT_XML)["Images"]
        return [_read_contour(region) for image in images for region in image["ROIs"]]


def _read_contour(region: dict[str, object]) -> Contour:
    stated = region["Point_px"]
    if not isinstance(stated, list):
        raise ValueError("no list of points")
    found = [POINT.fullmatch(point) for point in stated]
    if not all(found):
        raise ValueError("no point")
    points = np.array([match.groups() for match in found if match], float).reshape(-1, 2)
    return Contour(str(region.get("Name", "")).strip(), points)
