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
from monailabel_app.lib.datastore.index import Index

MOST_PROPOSALS = 100
"""Kept of one person and image, the newest; as many as a label may have regions."""

MANUAL, SEMIAUTOMATIC = "MANUAL", "SEMIAUTOMATIC"
"""Segment Algorithm Type, PS3.3 C.8.20.2, of what a person saved."""


@dataclass(frozen=True)
class Proposal:
    """An outline that a model gave a person.

    Attributes:
        by: model that drew it.
        outline: mask that it drew.
        prompts: clicks, strokes and boxes of the request that it answered; 0 where the model needed none.
        corrections: requests before it whose outlines it took the place of.
        is_counted: whether a label was saved since.
    """

    by: Assistance
    outline: RunLengths
    prompts: int = 0
    corrections: int = 0
    is_counted: bool = False


@dataclass(frozen=True)
class LabelWork:
    """Of one person on one image.

    Attributes:
        begun: when the person first had to do with the image since the last save, in seconds since 1970.
        proposals: outlines that nothing took the place of, oldest first.
    """

    begun: float | None = None
    proposals: Sequence[Proposal] = ()

    def helpers(self, mask: np.ndarray) -> list[str]:
        """Names and versions of the models whose proposals share a pixel with a mask ``(rows, columns)``."""
        found = [proposal.by for proposal in self.proposals if _shares(proposal, mask)]
        return list(dict.fromkeys(f"{helper.name} {helper.version}" for helper in found))


NO_WORK = LabelWork()

WORK = TypeAdapter(LabelWork)


@dataclass(frozen=True)
class Effort:
    """What one saved label cost.

    Attributes:
        prompts: clicks, strokes and boxes.
        corrections: requests that corrected an outline of a model.
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

    def of(self, image_id: str, user: str) -> LabelWork:
        """What one person has in hand of one image."""
        return WORK.validate_python(self.index.info("work", _name(image_id, user)))

    def begin(self, image_id: str, user: str) -> None:
        """Note that a person got an image."""
        self._put(image_id, user, replace(self.of(image_id, user), begun=time.time()))

    def propose(self, image_id: str, user: str, proposal: Proposal) -> None:
        """Note an outline that a person got; it takes the place of those that it shares a pixel with."""
        with self._lock:
            work = self.of(image_id, user)
            replaced = [earlier for earlier in work.proposals if _meet(earlier.outline, proposal.outline)]
            before = [1 + earlier.corrections for earlier in replaced if not earlier.is_counted]
            kept = [earlier for earlier in work.proposals if earlier not in replaced]
            new = replace(proposal, corrections=sum(before) if proposal.prompts else 0)
            self._put(image_id, user, LabelWork(work.begun or time.time(), [*kept[-MOST_PROPOSALS + 1 :], new]))

    def saved(
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
            kept=_kept(work.proposals, mask),
        )
        with self._lock:
            proposals = [replace(proposal, is_counted=True) for proposal in self.of(image_id, user).proposals]
            self._put(image_id, user, LabelWork(None, proposals))
        self.on_saved(user, role, image_id, effort)

    def _put(self, image_id: str, user: str, work: LabelWork) -> None:
        self.index.put_info("work", _name(image_id, user), asdict(work))


def helper_of(region: np.ndarray, proposals: Sequence[Proposal]) -> Assistance | None:
    """The model that proposed some of a region, bool ``(rows, columns)``, last; None where none did."""
    return next((proposal.by for proposal in reversed(proposals) if _shares(proposal, region)), None)


def algorithm_type(helpers: Sequence[str]) -> str:
    """What DICOM calls a drawing with, or without, help."""
    return SEMIAUTOMATIC if helpers else MANUAL


def _kept(proposals: Sequence[Proposal], mask: np.ndarray) -> float | None:
    """Dice of all proposals together and a mask."""
    fitting = [proposal.outline for proposal in proposals if _fits(proposal.outline, mask)]
    if not fitting:
        return None
    proposed = np.logical_or.reduce([outline.mask((mask.shape[0], mask.shape[1])) for outline in fitting])
    if not mask.any():
        return float(not proposed.any())
    return round(compute_dice(proposed, mask), 4)


def _fits(outline: RunLengths, mask: np.ndarray) -> bool:
    return outline.box is None or (outline.box[2] <= mask.shape[0] and outline.box[3] <= mask.shape[1])


def _shares(proposal: Proposal, mask: np.ndarray) -> bool:
    outline = proposal.outline
    if outline.box is None or not _fits(outline, mask):
        return False
    top, left, bottom, right = outline.box
    return bool((outline.part() & mask[top:bottom, left:right]).any())


def _meet(first: RunLengths, second: RunLengths) -> bool:
    """Whether two outlines of one image share a pixel."""
    if first.box is None or second.box is None:
        return first.box == second.box
    shape = tuple(np.maximum(first.box[2:], second.box[2:]))
    return bool((first.mask(shape) & second.mask(shape)).any())


def _name(image_id: str, user: str) -> str:
    return f"{image_id} {user}"
