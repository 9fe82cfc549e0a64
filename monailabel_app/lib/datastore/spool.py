"""Labels on their way: an upload is on disk before anything else is done with it, and stays until its label is safe.

Each entry is a JSON file that appears last and goes last, and beside it the upload until a label is made of it.
"""

import json
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mammoseg.files import atomic_path, remove_leftovers, write_json


@dataclass(frozen=True)
class Entry:
    """One label that is not yet where it belongs.

    Attributes:
        number: its order; later ones are higher, whatever the clock does.
        label_id: SOP Instance UID that its segmentation has or gets.
        seconds: when it was saved, since 1970 in UTC.
        user: who saved it.
        masses, others: values of the upload, as `read_label` takes them.
        is_built: whether the segmentation is written; then the upload is gone.
        trouble: why it is still here, in words.
    """

    number: int
    image_id: str
    label_id: str
    seconds: float
    user: str = ""
    masses: Sequence[int] = ()
    others: Sequence[int] = ()
    is_built: bool = False
    trouble: str = ""


class Spool:
    """The folder of entries; for all threads of one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        known = {entry.number for entry in self.entries()}
        for upload in folder.glob("*.upload"):  # killed before the entry stood: the client has no answer
            if int(upload.stem) not in known:
                upload.unlink()
        self._last = max(known, default=0)

    def entries(self) -> list[Entry]:
        """All entries, in their order."""
        read = (Entry(**json.loads(path.read_text("utf-8"))) for path in self._folder.glob("[0-9]*.json"))
        return sorted(read, key=lambda entry: entry.number)

    def accept(self, upload: Path, **facts: Any) -> Entry:
        """Keep a copy of `upload` and what `Entry` says of it; when this returns, no kill can lose it."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            entry = Entry(self._last, **facts)
        with atomic_path(self.upload(entry)) as temporary:
            shutil.copyfile(upload, temporary)
        self._write(entry)
        return entry

    def upload(self, entry: Entry) -> Path:
        """Where the upload of an entry lies until it is built."""
        return self._folder / f"{entry.number}.upload"

    def built(self, entry: Entry) -> Entry:
        """Say that the segmentation is written."""
        entry = replace(entry, is_built=True, trouble="")
        self._write(entry)
        self.upload(entry).unlink(missing_ok=True)
        return entry

    def keep(self, entry: Entry, trouble: str) -> None:
        """Say why an entry must wait."""
        if entry.trouble != trouble:
            self._write(replace(entry, trouble=trouble))

    def drop(self, entry: Entry) -> None:
        """Forget an entry, whose label is safe or was refused to the client's face."""
        self._path(entry).unlink(missing_ok=True)
        self.upload(entry).unlink(missing_ok=True)

    def _path(self, entry: Entry) -> Path:
        return self._folder / f"{entry.number}.json"

    def _write(self, entry: Entry) -> None:
        write_json(self._path(entry), asdict(entry))
