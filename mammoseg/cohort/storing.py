"""Results of a cohort on their way to an archive that may be away for a while."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mammoseg.archives.dicomweb.stored import Stored
from mammoseg.counts import format_count
from mammoseg.errors import MammosegError, PartlyRefusedError, WrongCallError
from mammoseg.files import as_printable

TOGETHER = 32
"""Mammograms whose results are stored at a time."""

PATIENCE_SECONDS = (5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 120.0)
"""Before each further attempt at the end of a run; more than five minutes together."""

Store = Callable[[list[Path]], list[Stored]]


class Storing:
    """Stores the results of whole mammograms, and keeps what an archive that is away did not take for a later attempt.

    What the archive refuses is set aside for the next run, and what it fails over goes behind the rest, so that neither
    keeps others back.

    Args:
        store: stores files and says what became of each, in their order; what it raises, but a wrong call, passes.
        stored: called with the key of each mammogram whose results the archive has.
        patience: seconds before each further attempt at the end.
    """

    def __init__(
        self, store: Store, stored: Callable[[str], None], *, patience: Sequence[float] = PATIENCE_SECONDS
    ) -> None:
        self._store = store
        self._stored = stored
        self._patience = patience
        self._waiting: dict[str, list[Path]] = {}
        self._refused = 0
        self._reason = ""

    def add(self, key: str, files: list[Path]) -> None:
        """Take the DICOM results of a mammogram; now and then those that wait are stored.

        Raises:
            WrongCallError: the archive refuses user or password.
        """
        self._waiting[key] = files
        if len(self._waiting) % TOGETHER == 0:
            self._store_waiting()

    def finish(self) -> None:
        """Store what is left, with patience.

        Raises:
            PartlyRefusedError: the archive did not take all; the next run goes on with the rest.
        """
        self._store_waiting()
        for seconds in self._patience:
            if not self._waiting:
                break
            print(f"{self._describe_left()}; again in {seconds:g} s.", file=sys.stderr)
            time.sleep(seconds)
            self._store_waiting()
        if self._waiting or self._refused:
            raise PartlyRefusedError(f"{self._describe_left()}; run the same command again.")

    def _describe_left(self) -> str:
        left = format_count(len(self._waiting) + self._refused, "mammogram")
        return f"the results of {left} are not in the archive ({self._reason})"

    def _store_waiting(self) -> None:
        keys = list(self._waiting)
        for start in range(0, len(keys), TOGETHER):
            together = keys[start : start + TOGETHER]
            if not self._store_some(together):
                self._waiting |= {key: self._waiting.pop(key) for key in together}
                return

    def _store_some(self, keys: Sequence[str]) -> bool:
        """Whether the archive answered, so that it is worth while to go on."""
        files = [file for key in keys for file in self._waiting[key]]
        try:
            results = {result.path: result for result in self._store(files)}
        except WrongCallError:
            raise
        except MammosegError as error:
            self._reason = str(error)
            return False
        for key in keys:
            missing = [results[file] for file in self._waiting[key] if not results[file].ok]
            if missing:
                self._reason = f"{as_printable(str(missing[0].code))}: {as_printable(str(missing[0].reason))}"
                if not any(result.has_answer for result in missing):
                    continue
                self._refused += 1
            else:
                self._stored(key)
            del self._waiting[key]
        return any(result.has_answer for result in results.values())
