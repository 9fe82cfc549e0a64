"""What a person has in hand: outlines that models proposed for an image, until the person saves what became of them.

From it follows what a saved label says of how it came to be, and what the labels cost in prompts and time.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from pydantic import TypeAdapter

from mammoseg.dicom.algorithm import Assistance
from mammoseg.interactive.run_lengths import RunLengths
from mammoseg.metrics.overlap import compute_dice
from mammoseg.parts import find_parts
from monailabel_app.lib.datastore.index import Index

MOST_PROPOSALS = 100
"""Kept of one person and image, the newest; as many as a label may have regions."""

MOST_MARKS = 32
"""Kept of one request, the first in the order of `Said.marks`: those that follow for the same mass say them again."""

MANUAL, SEMIAUTOMATIC = "MANUAL", "SEMIAUTOMATIC"
"""Segment Algorithm Type, PS3.3 C.8.20.2, of what a person saved."""


@dataclass(frozen=True)
class Proposal:
    """An outline that a model gave a person.

    Attributes:
        by: model that drew it.
        outline: mask that it drew, less what a later one took the place of.
        prompts: clicks, strokes and boxes of the request that it answered; 0 where the model needed none.
        marks: those prompts in words, at most `MOST_MARKS`.
        so_far: mask so far that was told with them; not kept.
        corrections: requests before it for the same mass.
        is_counted: whether a label was saved since.
    """

    by: Assistance
    outline: RunLengths
    prompts: int = 0
    marks: Sequence[str] = ()
    so_far: RunLengths | None = None
    corrections: int = 0
    is_counted: bool = False


@dataclass(frozen=True)
class LabelWork:
    """Of one person on one image.

    Attributes:
        begun: when the person first had to do with the image since the last save, in seconds since 1970.
        proposals: one for each mass that was asked about, and what is left of others, oldest first. Where the outline
            of one mass ran over that of another, the other's has no pixel, and its effort is still to be counted.
    """

    begun: float | None = None
    proposals: Sequence[Proposal] = ()

    def list_helpers(self, mask: np.ndarray) -> list[str]:
        """Names and versions of the models whose proposals share a pixel with a mask ``(rows, columns)``."""
        found = [proposal.by for proposal in self.proposals if _shares_pixel(proposal, mask)]
        return list(dict.fromkeys(f"{helper.name} {helper.version}" for helper in found))


NO_WORK = LabelWork()

WORK = TypeAdapter(LabelWork)


@dataclass(frozen=True)
class Effort:
    """What one saved label cost.

    Attributes:
        prompts: clicks, strokes and boxes.
        corrections: requests that corrected an outline of a model, of the same mass.
        strokes: changes by hand, undone ones too; None where the client does not count them.
        seconds: from when the person got the image, or its first outline, to the save; None where neither is known.
        kept: Dice of what was proposed last and what was saved, 0 to 1; None where nothing was proposed.
    """

    prompts: int
    corrections: int
    strokes: int | None
    seconds: float | None
    kept: float | None


Saved = Callable[[str, str, str, Effort], None]
"""Gets user, role, image and effort of a label that was saved."""


@dataclass
class WorkInHand:
    """The work of all persons on the images of one datastore, kept in its index, so that it outlives the server.

    Attributes:
        index: index of the datastore.
        on_saved: called after each save; does nothing until the server sets it.
    """

    index: Index
    on_saved: Saved = field(default=lambda user, role, image, effort: None)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, image_id: str, user: str) -> LabelWork:
        """What one person has in hand of one image."""
        return WORK.validate_python(self.index.get_info("work", _name_work(image_id, user)))

    def begin(self, image_id: str, user: str) -> None:
        """Note that a person got an image."""
        with self._lock:
            self._put(image_id, user, replace(self.get(image_id, user), begun=time.time()))

    def propose(self, image_id: str, user: str, proposal: Proposal) -> None:
        """Note an outline that a person got.

        It takes the place of the one before of the same mass, and of those parts of others that it shares a pixel with.
        """
        with self._lock:
            work = self.get(image_id, user)
            before = _find_before(proposal, work.proposals) if proposal.prompts else None
            others = [_drop_met_parts(proposal, one) for one in work.proposals if one is not before or not one.prompts]
            kept = [one for one in others if one.outline.box or (one.prompts and not one.is_counted)]
            corrections = 0 if before is None or before.is_counted else 1 + before.corrections
            new = replace(proposal, so_far=None, marks=proposal.marks[:MOST_MARKS], corrections=corrections)
            self._put(image_id, user, LabelWork(work.begun or time.time(), [*kept[-MOST_PROPOSALS + 1 :], new]))

    def finish(
        self,
        image_id: str,
        user: str,
        role: str,
        work: LabelWork,
        mask: np.ndarray,
        *,
        seconds: float,
        strokes: int | None = None,
    ) -> None:
        """Count what a label cost, and begin anew; what was proposed is remembered for the label after this one.

        Args:
            work: what was in hand when the label came.
            mask: bool ``(rows, columns)``, what was saved.
            seconds: when, since 1970.
            strokes: changes by hand, see `Effort`.
        """
        fresh = [proposal for proposal in work.proposals if not proposal.is_counted]
        effort = Effort(
            prompts=sum(proposal.prompts for proposal in fresh),
            corrections=sum(proposal.corrections for proposal in fresh),
            strokes=strokes,
            seconds=None if work.begun is None else round(max(0.0, seconds - work.begun), 1),
            kept=_compute_kept(work.proposals, mask),
        )
        with self._lock:
            proposals = [replace(proposal, is_counted=True) for proposal in self.get(image_id, user).proposals]
            self._put(image_id, user, LabelWork(None, proposals))
        self.on_saved(user, role, image_id, effort)

    def _put(self, image_id: str, user: str, work: LabelWork) -> None:
        self.index.put_info("work", _name_work(image_id, user), asdict(work))


def find_helper(region: np.ndarray, proposals: Sequence[Proposal]) -> Assistance | None:
    """The model that proposed some of a region, bool ``(rows, columns)``, last; None where none did."""
    return next((proposal.by for proposal in reversed(proposals) if _shares_pixel(proposal, region)), None)


def name_algorithm_type(helpers: Sequence[str]) -> str:
    """What DICOM calls a drawing with, or without, help."""
    return SEMIAUTOMATIC if helpers else MANUAL


def _compute_kept(proposals: Sequence[Proposal], mask: np.ndarray) -> float | None:
    """Dice of all proposals together and a mask."""
    fitting = [proposal.outline for proposal in proposals if _fits(proposal.outline, mask)]
    if not fitting:
        return None
    proposed = np.logical_or.reduce([outline.to_mask((mask.shape[0], mask.shape[1])) for outline in fitting])
    if not mask.any():
        return float(not proposed.any())
    return round(compute_dice(proposed, mask), 4)


def _fits(outline: RunLengths, mask: np.ndarray) -> bool:
    return outline.box is None or (outline.box[2] <= mask.shape[0] and outline.box[3] <= mask.shape[1])


def _shares_pixel(proposal: Proposal, mask: np.ndarray) -> bool:
    outline = proposal.outline
    if outline.box is None or not _fits(outline, mask):
        return False
    top, left, bottom, right = outline.box
    return bool((outline.to_box_mask() & mask[top:bottom, left:right]).any())


def _find_before(new: Proposal, proposals: Sequence[Proposal]) -> Proposal | None:
    """The proposal that a request with prompts goes on from; None where it is the first one of a mass.

    Prompts are sent again with each further one, so one that is the same tells the mass. Where all are new, the mask so
    far tells it, and where there is none, what a model had found there without prompts.
    """
    for earlier in reversed(proposals):
        if set(new.marks) & set(earlier.marks):
            return earlier
    if (so_far := new.so_far) is not None:
        nearest = max(proposals, key=lambda earlier: _count_shared(earlier, so_far), default=None)
        return nearest if nearest is not None and _count_shared(nearest, so_far) else None
    return next((one for one in reversed(proposals) if not one.prompts and _count_shared(one, new.outline)), None)


def _count_shared(proposal: Proposal, outline: RunLengths) -> int:
    """Pixels that a proposal shares with an outline."""
    return int(np.count_nonzero(proposal.outline.to_box_mask() & _crop_to_box(outline, proposal.outline.box)))


def _drop_met_parts(new: Proposal, earlier: Proposal) -> Proposal:
    """A proposal less its connected parts that a new outline took the place of: they share a pixel with it.

    Of what a model drew unasked the mass so far has gone too, wherever the new outline is.
    """
    parts, _ = find_parts(earlier.outline.to_box_mask())
    taken = [new.outline] if earlier.prompts or new.so_far is None else [new.outline, new.so_far]
    met = np.unique(np.concatenate([parts[_crop_to_box(outline, earlier.outline.box)] for outline in taken]))
    if earlier.outline.box is None or not met.any():
        return earlier
    top, left, _, _ = earlier.outline.box
    return replace(
        earlier, outline=RunLengths.from_mask(np.pad((parts > 0) & ~np.isin(parts, met), ((top, 0), (left, 0))))
    )


def _crop_to_box(outline: RunLengths, box: tuple[int, int, int, int] | None) -> np.ndarray:
    """The part of an outline in a box, bool of the size of the box."""
    if box is None or outline.box is None:
        return np.zeros((0, 0) if box is None else (box[2] - box[0], box[3] - box[1]), bool)
    shape = (max(box[2], outline.box[2]), max(box[3], outline.box[3]))
    return outline.to_mask(shape)[box[0] : box[2], box[1] : box[3]]


def _name_work(image_id: str, user: str) -> str:
    return f"{image_id} {user}"
