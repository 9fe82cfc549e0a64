"""A mask as the page sends and gets it: its bounding box, and lengths of runs within that, row by row."""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mammoseg.errors import InputRefusedError

MOST_RUNS = 100_000
"""Of one mask; an outline of a mass has two a row."""

Place = Annotated[int, Field(ge=0, le=2**31)]


class Runs(BaseModel):
    """A mask without the pixels around it.

    Attributes:
        box: top, left, bottom, right; the last two exclusive. None where no pixel is inside.
        counts: lengths of runs of pixels outside and inside in turn, the first outside and so maybe 0.
    """

    model_config = ConfigDict(extra="forbid")

    box: tuple[Place, Place, Place, Place] | None
    counts: Annotated[list[Place], Field(max_length=MOST_RUNS)]


def runs_of(mask: np.ndarray) -> Runs:
    """Runs of a mask, bool ``(rows, columns)``.

    Examples:
        >>> import numpy as np
        >>> from monailabel_app.lib.runs import mask_of_runs, runs_of
        >>> mask = np.array([[False, False, False], [False, True, True], [False, True, False]])
        >>> runs_of(mask)
        Runs(box=(1, 1, 3, 3), counts=[0, 3, 1])
        >>> bool((mask_of_runs(runs_of(mask), (3, 3)) == mask).all())
        True
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Runs(box=None, counts=[])
    top, left, bottom, right = (int(side) for side in (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1))
    flat = mask[top:bottom, left:right].ravel()
    lengths = np.diff([0, *np.flatnonzero(np.diff(flat)) + 1, flat.size]).tolist()
    return Runs(box=(top, left, bottom, right), counts=[0, *lengths] if flat[0] else lengths)


def mask_of_runs(runs: Runs, shape: tuple[int, int]) -> np.ndarray:
    """The mask of `runs`, bool of `shape` ``(rows, columns)``.

    Raises:
        InputRefusedError: ``E_MASK``: the box is not in the image, or the runs are of more or fewer pixels than it.
    """
    mask = np.zeros(shape, bool)
    top, left, bottom, right = runs.box or (0, 0, 0, 0)
    size = max(0, bottom - top) * max(0, right - left)
    if sum(runs.counts) != size or bottom > shape[0] or right > shape[1] or (runs.box and not size):
        reason = f"the runs of a mask fill its box, which lies in the image of {shape[0]} x {shape[1]} pixels."
        raise InputRefusedError("E_MASK", reason)
    inside = np.repeat(np.arange(len(runs.counts)) % 2 == 1, runs.counts)
    mask[top:bottom, left:right] = inside.reshape(bottom - top, right - left)
    return mask
