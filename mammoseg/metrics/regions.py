"""Regions of an image: connected pixels, or one mass that the datalist has a mask for, cut to its box."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mammoseg.parts import find_parts


@dataclass(frozen=True)
class Region:
    """Some pixels of an image.

    Attributes:
        box: rows and columns of the image that hold them.
        inside: bool, of the shape of the box.
    """

    box: tuple[slice, slice]
    inside: np.ndarray

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return int(np.count_nonzero(self.inside))

    def count_common(self, other: "Region") -> int:
        """Number of pixels in both."""
        here, there = [], []
        for ours, theirs in zip(self.box, other.box, strict=True):
            start, stop = max(ours.start, theirs.start), min(ours.stop, theirs.stop)
            if start >= stop:
                return 0
            here.append(slice(start - ours.start, stop - ours.start))
            there.append(slice(start - theirs.start, stop - theirs.start))
        return int(np.count_nonzero(self.inside[tuple(here)] & other.inside[tuple(there)]))

    def holds(self, row: int, column: int) -> bool:
        """Whether a pixel of the image is one of it."""
        rows, columns = self.box
        if not (rows.start <= row < rows.stop and columns.start <= column < columns.stop):
            return False
        return bool(self.inside[row - rows.start, column - columns.start])


def find_connected_regions(mask: np.ndarray) -> list[Region]:
    """The connected regions of a bool mask (H, W), see `mammoseg.parts.find_parts`.

    Examples:
        >>> import numpy as np
        >>> from mammoseg.metrics.regions import find_connected_regions
        >>> [region.area for region in find_connected_regions(np.array([[1, 0, 0, 1], [0, 1, 0, 1]], bool))]
        [2, 2]
    """
    labels, _ = find_parts(mask)
    return [
        Region((rows, columns), labels[rows, columns] == number)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1)
    ]


def list_mass_regions(masks: Iterable[np.ndarray]) -> list[Region]:
    """One region a mask (H, W) of 0 and 1, be it connected or not; a mask without a pixel is left out."""
    found = []
    for mask in masks:
        for rows, columns in ndimage.find_objects(np.asarray(mask > 0, np.uint8)):
            found.append(Region((rows, columns), np.asarray(mask[rows, columns] > 0)))
    return found
