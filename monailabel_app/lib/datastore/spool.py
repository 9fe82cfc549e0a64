"""Labels on their way: an upload is on disk before anything else is done with it, and stays until its label is safe.

Each entry is a JSON file that appears last and goes first, and beside it the upload. What lies there is read once, at
the start; since then the entries are those in memory, for no other process has the folder.
"""

import logging
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from mammoseg.files import atomic_path, remove_leftovers, write_json
from monailabel_app.lib.datastore.set_aside import SetAside
from monailabel_app.lib.datastore.work import NO_WORK, LabelWork

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One label that is not yet where it belongs.

    Attributes:
        number: its order; later ones are higher, whatever the clock does.
        label_id: SOP Instance UID that its segmentation has or gets.
        seconds: when it was saved, since 1970 in UTC.
        user: who saved it.
        role: role in which it was saved.
        masses, others: values of the upload, as `read_label_map` takes them.
        assessments: one for each value from 1 on, which then is one mass; None where each connected region is one.
        strokes: how often the mask was changed by hand; None where that is not known.
        work: what was proposed to this user for this image before.
        trouble: why it is still here, in words.
    """

    number: int
    image_id: str
    label_id: str
    seconds: float
    user: str = ""
    masses: Sequence[int] = ()
    others: Sequence[int] = ()
    assessments: Sequence[str] | None = None
    strokes: int | None = None
    role: str = ""
    work: LabelWork = NO_WORK
    trouble: str = ""


ENTRY = TypeAdapter(Entry)
"""Reads an entry; fields that other versions of this program wrote are left out."""


class Spool:
    """The folder of entries; for all threads of one process.

    Args:
        set_aside: function that gets what is no entry.
    """

    def __init__(self, folder: Path, set_aside: SetAside) -> None:
        self._folder = folder
        self._set_aside = set_aside
        self._lock = threading.Lock()
        self._entries: dict[int, Entry] = {}
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        for path in folder.glob("*.json"):
            self._restore(path)
        for upload in folder.glob("*.upload"):  # killed before the entry stood: the client has no answer
            if not upload.with_suffix(".json").exists():
                upload.unlink()
        self._last = max(self._entries, default=0)

    def list_entries(self) -> list[Entry]:
        """All entries, in their order."""
        with self._lock:
            return sorted(self._entries.values(), key=lambda entry: entry.number)

    def holds(self, entry: Entry) -> bool:
        """Whether an entry is still here."""
        return entry.number in self._entries

    def accept(self, upload: Path, **facts: Any) -> Entry:
        """Keep a copy of `upload` and what `Entry` says of it; when this returns, no kill can lose it.

        Raises:
            OSError: the disk is full; nothing is kept.
        """
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            entry = Entry(self._last, **facts)
        try:
            with atomic_path(self.locate_upload(entry)) as temporary:
                shutil.copyfile(upload, temporary)
            self._write(entry)
        except OSError:
            self.drop(entry)
            raise
        return entry

    def locate_upload(self, entry: Entry) -> Path:
        """Where the upload of an entry lies."""
        return self._folder / f"{entry.number}.upload"

    def note_trouble(self, entry: Entry, trouble: str) -> None:
        """Say why an entry must wait; where the disk does not take it, it is said until the server ends."""
        if entry.trouble == trouble:
            return
        entry = replace(entry, trouble=trouble)
        try:
            self._write(entry)
        except OSError as error:
            self._remember(entry)
            logger.error("why a label waits cannot be written (%s): %s", error.strerror, trouble)

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Move an entry away of which no label can be made."""
        self._set_aside.take(str(entry.number), [self._locate(entry), self.locate_upload(entry)], reason)
        self._forget(entry)

    def drop(self, entry: Entry) -> None:
        """Forget an entry, whose label is safe or was refused to the client's face."""
        self._locate(entry).unlink(missing_ok=True)
        self.locate_upload(entry).unlink(missing_ok=True)
        self._forget(entry)

    def _restore(self, path: Path) -> None:
        try:
            entry = ENTRY.validate_json(path.read_bytes())
            if path != self._locate(entry):
                raise ValueError("the entry has another number than its file.")
        except (OSError, ValueError) as error:
            reason = f"{path.name} in the spool is no entry of it ({type(error).__name__})."
            self._set_aside.take(path.stem, [path, path.with_suffix(".upload")], reason)
        else:
            self._remember(entry)

    def _locate(self, entry: Entry) -> Path:
        return self._folder / f"{entry.number}.json"

    def _write(self, entry: Entry) -> None:
        write_json(self._locate(entry), asdict(entry))
        self._remember(entry)

    def _remember(self, entry: Entry) -> None:
        with self._lock:
            self._entries[entry.number] = entry

    def _forget(self, entry: Entry) -> None:
        with self._lock:
            self._entries.pop(entry.number, None)
