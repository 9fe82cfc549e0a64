"""Instances of an archive on disk: fetched when first asked for, the longest unused removed when room is short."""

import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from mammoseg.archives.dicomweb.client import Archive, Instance
from mammoseg.archives.dicomweb.retrieve import retrieve_listed
from mammoseg.files import remove_leftovers

logger = logging.getLogger(__name__)

SAFE_SECONDS = 3600.0
"""What was used within the last hour may be in use, and is not removed."""

LOCKS = 64


class InstanceCache:
    """A folder of instances, named by their SOP Instance UID.

    Args:
        most_bytes: most bytes that it may hold.
    """

    def __init__(self, folder: Path, archive: Archive, *, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_leftovers(folder)
        self._folder = folder
        self._archive = archive
        self._most_bytes = most_bytes
        self._removing = threading.Lock()
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def fetch(self, instance: Instance) -> Path:
        """The file of an instance, fetched by one thread when several ask at a time.

        Raises:
            ArchiveError: it is not here, and the archive does not give it.
        """
        path = self._folder / f"{instance.sop}.dcm"
        with self._locks[hash(instance.sop) % LOCKS]:
            if path.exists():
                os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))  # used, not changed
            else:
                retrieve_listed(self._archive, instance, path)
                self._make_room()
        return path

    def _make_room(self) -> None:
        with self._removing:
            states = {}
            for path in self._folder.glob("[!.]*.dcm"):  # with a dot begins what is being fetched
                with suppress(FileNotFoundError):
                    states[path] = path.stat()
            surplus = sum(state.st_size for state in states.values()) - self._most_bytes
            for path, state in sorted(states.items(), key=lambda item: item[1].st_atime):
                if surplus <= 0 or time.time() - state.st_atime < SAFE_SECONDS:
                    return
                path.unlink(missing_ok=True)
                surplus -= state.st_size
