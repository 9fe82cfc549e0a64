"""Versions of one model: every training keeps its own, one of them is served, and any can be again.

``<folder>/<number>/model.pt`` and ``record.json`` never change once they are there. ``<folder>/current.json`` says
which number is served and how it came to that; it is one file, replaced in one step, so that a server killed at any
moment serves the old version or the new one. Number 0 is what the model came with, and lies elsewhere.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.errors import MammosegError
from mammoseg.files import atomic_path, flush_to_disk, hash_file, remove_leftovers, write_json
from monailabel_app.lib.clock import format_now
from monailabel_app.lib.held import held

WEIGHTS, RECORD, CURRENT = "model.pt", "record.json", "current.json"

LOCK_SECONDS = 10.0
"""Longest wait for another process to end its change, which is one small file."""


class NoSuchVersionError(MammosegError):
    """A version that is not there is asked for."""


@dataclass(frozen=True)
class Version:
    """A set of weights that can be served.

    Attributes:
        number: 0 for what the model came with, then in the order of the trainings.
        weights: the checkpoint; of number 0 it may be a folder of several.
        sha256: hash that the weights must have; None where nobody has recorded it.
    """

    number: int
    weights: Path
    sha256: str | None = None

    def check(self) -> None:
        """Compare the weights with the record.

        Raises:
            WeightsError: they are absent, or not those that were evaluated.
        """
        if not (self.weights.is_file() or self.weights.is_dir()):
            raise WeightsError(f"the weights of version {self.number} are gone; roll back to another version.")
        if self.sha256 is not None and hash_file(self.weights) != self.sha256:
            raise WeightsError(
                f"the weights of version {self.number} have changed since; roll back to another version."
            )


class Versions:
    """The versions of one model.

    Args:
        folder: folder of this model alone; made when the first version is added.
        original: weights that the model came with; None where it has none.
    """

    def __init__(self, folder: Path, original: Path | None = None) -> None:
        self.folder = folder
        self.original = original

    def read_current(self) -> Version | None:
        """The version that is served; None where there is none yet.

        Raises:
            MammosegError: the state cannot be read.
        """
        number = self._read_state()["current"]
        return self._find_original() if number == 0 else self.get(number)

    def get(self, number: int) -> Version:
        """A version by its number.

        Raises:
            NoSuchVersionError: it is not there.
        """
        if number == 0:
            if original := self._find_original():
                return original
        elif (self.folder / str(number) / RECORD).is_file():
            return Version(number, self.folder / str(number) / WEIGHTS, self.read_record(number)["sha256"])
        raise NoSuchVersionError(
            f"there is no version {number}; known: {', '.join(map(str, self.list_numbers())) or 'none'}."
        )

    def list_numbers(self) -> list[int]:
        """Numbers of all versions in their order."""
        trained = sorted(
            int(path.parent.name) for path in self.folder.glob(f"*/{RECORD}") if path.parent.name.isdigit()
        )
        return [0, *trained] if self.original else trained

    def read_record(self, number: int) -> dict[str, Any]:
        """What is known of a trained version."""
        return _read(self.folder / str(number) / RECORD, sha256=str)

    def read_history(self) -> dict[str, Any]:
        """Served number, all events in their order, and the record of every version; plain JSON."""
        state = self._read_state()
        return {**state, "versions": {str(n): self.read_record(n) if n else {} for n in self.list_numbers()}}

    def add(self, weights: Path, record: Mapping[str, Any], *, promote: bool, reason: str) -> Version:
        """Keep trained weights as a new version and serve them if `promote`; the folder appears whole or not at all.

        They are kept aside where another version is served by now than the parent, with which they were compared;
        `read_decision` tells.

        Args:
            weights: checkpoint; it is copied.
            record: JSON values about the training; ``parent``, the number that was served at its begin, None where none
                was. What is served now where it does not say.
            reason: why it is served or not.
        Raises:
            OSError: the disk does not take it; nothing has changed then.
        """
        with self._changing() as state:
            number = max([0, *self.list_numbers()]) + 1
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".new-") as made:
                new = Path(made) / "version"
                new.mkdir()
                with atomic_path(new / WEIGHTS) as temporary:
                    shutil.copyfile(weights, temporary)
                sha256 = hash_file(new / WEIGHTS)
                about = {
                    "number": number,
                    "sha256": sha256,
                    "parent": state["current"],
                    "when": format_now(),
                    **record,
                }
                write_json(new / RECORD, about)
                new.rename(self.folder / str(number))
                flush_to_disk(self.folder)
            if promote and (about["parent"] or 0) != state["current"]:
                served = (
                    f"version {state['current']} is served since the training began, with which it was not compared"
                )
                promote, reason = False, f"not served: {served}; promote it by hand if it is wanted"
            _note(state, "promoted" if promote else "kept aside", number, reason)
        return self.get(number)

    def read_decision(self, number: int) -> tuple[bool, str]:
        """Whether a trained version was served when it was added, and why."""
        event = next(event for event in self._read_state()["events"] if event["number"] == number)
        return event["what"] == "promoted", event["reason"]

    def promote(self, number: int, *, reason: str) -> Version:
        """Serve a version, an earlier one too.

        Raises:
            NoSuchVersionError: it is not there.
            WeightsError: its weights are gone or changed.
        """
        version = self.get(number)
        version.check()
        with self._changing() as state:
            _note(state, "promoted", number, reason)
        return version

    def roll_back(self, *, reason: str = "rolled back") -> Version:
        """Serve what was served before the served version was promoted.

        Raises:
            NoSuchVersionError: nothing was.
        """
        with self._changing() as state:
            version = self.get(_find_number_before(state))
            version.check()
            _note(state, "rolled back", version.number, reason)
        return version

    def _find_original(self) -> Version | None:
        return None if self.original is None else Version(0, self.original)

    def _read_state(self) -> dict[str, Any]:
        try:
            return _read(self.folder / CURRENT, current=int, events=list)
        except FileNotFoundError:
            return {"current": 0, "events": []}

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """Give the state and write it when the block ends well; one process and thread at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with held(self.folder, self.folder / ".lock", seconds=LOCK_SECONDS):
            self._remove_leftovers()
            state = self._read_state()
            yield state
            write_json(self.folder / CURRENT, state)

    def _remove_leftovers(self) -> None:
        remove_leftovers(self.folder)
        for leftover in self.folder.glob(".new-*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _note(state: dict[str, Any], what: str, number: int, reason: str) -> None:
    if what != "kept aside":
        state["current"] = number
    state["events"].append({"what": what, "number": number, "when": format_now(), "reason": reason})


def _find_number_before(state: Mapping[str, Any]) -> int:
    """Number that was served before the served one was promoted; rolling back twice goes back twice."""
    served = [0]
    for event in state["events"]:
        if event["what"] == "promoted" and event["number"] != served[-1]:
            served.append(event["number"])
        elif event["what"] == "rolled back" and len(served) > 1:
            served.pop()
    if len(served) < 2:
        raise NoSuchVersionError("nothing was served before this version; there is nothing to roll back to.")
    return int(served[-2])


def _read(path: Path, **kinds: type) -> dict[str, Any]:
    """A JSON object that has values of these kinds."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not all(type(content[key]) is kind for key, kind in kinds.items()):
            raise ValueError(path.name)
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise WeightsError(f"{path.name} of a model's versions is damaged; restore it from a copy.") from error
    return content
