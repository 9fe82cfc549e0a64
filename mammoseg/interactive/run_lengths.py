"""Masks as a browser sends and gets them: a bounding box, and lengths of runs in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammoseg.dicom.measure import find_bounding_window
from mammoseg.interactive.prompts import PromptError


@dataclass(frozen=True)
class RunLengths:
    """A mask.

    Attributes:
        box: (top, left, bottom, right) in pixels of the image, `bottom` and `right` exclusive; None for an empty mask.
        counts: pixels outside and inside in turns, row by row within the box; the first are outside, and may be none.
    """

    box: tuple[int, int, int, int] | None
    counts: tuple[int, ...] = ()

    @classmethod
    def from_mask(cls, mask: np.ndarray) -> "RunLengths":
        """Those of a bool mask ``(rows, columns)``, within its bounding box.

        Examples:
            >>> import numpy as np
            >>> from mammoseg.interactive.run_lengths import RunLengths
            >>> RunLengths.from_mask(np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1]], bool))
            RunLengths(box=(1, 1, 3, 3), counts=(1, 3))
        """
        if not mask.any():
            return cls(None)
        rows, columns = find_bounding_window(mask)
        flat = mask[rows, columns].ravel()
        changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        ends = np.concatenate([[0] if flat[0] else [], changes, [flat.size]]).astype(int)
        counts = tuple(int(count) for count in np.diff(ends, prepend=0))
        return cls((rows.start, columns.start, rows.stop, columns.stop), counts)

    @classmethod
    def from_json(cls, box: Sequence[int] | None, counts: Sequence[int]) -> "RunLengths":
        """As a client sends them."""
        return cls(None if box is None else (box[0], box[1], box[2], box[3]), tuple(counts))

    def to_mask(self, shape: tuple[int, int]) -> np.ndarray:
        """bool ``(rows, columns)``.

        Raises:
            PromptError: the box is empty or outside of an image of this shape, or the runs do not fill it.
        """
        whole = np.zeros(shape, bool)
        if self.box is None:
            if self.counts:
                raise PromptError("A mask without a box has no runs; send box null and counts [].")
            return whole
        top, left, bottom, right = self.box
        if not (0 <= top < bottom <= shape[0] and 0 <= left < right <= shape[1]):
            raise PromptError(
                f"The mask's box {list(self.box)} is empty or outside of the image ({shape[0]} rows, {shape[1]} "
                "columns); send the mask of this image."
            )
        pixels = (bottom - top) * (right - left)
        if min(self.counts, default=0) < 0 or sum(self.counts) != pixels:
            raise PromptError(f"The runs of the mask do not add up to the {pixels:,} pixels of its box.")
        whole[top:bottom, left:right] = self.to_box_mask()
        return whole

    def to_box_mask(self) -> np.ndarray:
        """bool, the mask within its box, whose runs must fill it."""
        if self.box is None:
            return np.zeros((0, 0), bool)
        top, left, bottom, right = self.box
        inside = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(inside, self.counts).reshape(bottom - top, right - left)
