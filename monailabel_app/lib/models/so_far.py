"""The mask so far of clients that send prompts alone: the outline of the request before, while the next one goes on."""

import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from mammoseg.interactive.run_lengths import RunLengths

MOST_RUNS = 2**20
"""Of all outlines that are kept, some 40 MB; an outline of a mass has two a row."""

MOST_KEPT = 1000
"""Outlines; an empty one has no runs, but takes room too."""


@dataclass(frozen=True)
class SoFar:
    """What a model answered last.

    Attributes:
        marks: prompts of the request in words, see `Said.marks`.
        outline: mask that answered it.
    """

    marks: frozenset[str]
    outline: RunLengths

    def goes_on_in(self, marks: Collection[str]) -> bool:
        """Whether a request says all these prompts again, and more; else it is about another mass, or begins anew.

        Where there were none in words, as of scribbles, nothing tells that it is the same mass.
        """
        return bool(self.marks) and self.marks < set(marks)


@dataclass(frozen=True)
class Asker:
    """Who asks which model about which image; of another one nothing is ever taken.

    Attributes:
        person: name behind the login.
        client: session, or how the client names itself.
        image: id of the image; empty where the session has it.
        model: name of the model.
    """

    person: str
    client: str
    image: str
    model: str


class MasksSoFar:
    """The last outline of each asker, in memory; the longest unused go where there are too many."""

    def __init__(self, most_runs: int = MOST_RUNS, most_kept: int = MOST_KEPT) -> None:
        self._most_runs, self._most_kept = most_runs, most_kept
        self._kept: OrderedDict[Asker, SoFar] = OrderedDict()
        self._runs = 0
        self._lock = threading.Lock()

    def get(self, asker: Asker) -> SoFar | None:
        """What was answered last; None where nothing is kept."""
        with self._lock:
            if asker in self._kept:
                self._kept.move_to_end(asker)
            return self._kept.get(asker)

    def keep(self, asker: Asker, so_far: SoFar) -> None:
        """Keep an answer in place of the one before."""
        with self._lock:
            self._forget(asker)
            self._kept[asker] = so_far
            self._runs += _compute_cost(so_far)
            while self._runs > self._most_runs or len(self._kept) > self._most_kept:
                self._forget(next(iter(self._kept)))

    def forget(self, client: str) -> None:
        """Forget all that a client, or a session, was answered."""
        with self._lock:
            for asker in [asker for asker in self._kept if asker.client == client]:
                self._forget(asker)

    def __len__(self) -> int:
        return len(self._kept)

    def _forget(self, asker: Asker) -> None:
        if (gone := self._kept.pop(asker, None)) is not None:
            self._runs -= _compute_cost(gone)


def _compute_cost(so_far: SoFar) -> int:
    return len(so_far.outline.counts) + len(so_far.marks)
