"""A full disk: known by its errors wherever they come up, and looked for at the start."""

import errno
import sqlite3
import tempfile
from pathlib import Path

from mammoseg.errors import MammosegError, say_reason
from mammoseg.files import flush_to_disk

PROBE_BYTES = 2**20
"""More than the index, its journal and the lists of a start need."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

FULL_FOR_SQLITE = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")
"""SQLite names a full disk by what it was about to write."""

SENTENCE = "the disk of the server is full, so nothing was kept; make room there, then try again."


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, says that the disk has no room."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorname", "") in FULL_FOR_SQLITE:
        return True
    return error is not None and is_full(error.__cause__)


def check_room(folder: Path) -> None:
    """Raise where a server could not work for want of room.

    Raises:
        MammosegError: `folder` cannot be written; the system's own reason is named.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as probe:
            probe.write(bytes(PROBE_BYTES))
            probe.flush()
            flush_to_disk(Path(probe.name))
    except OSError as error:
        reason = f"{folder} cannot be written ({say_reason(error)}); make room, or name another --conf state_dir."
        raise MammosegError(reason) from error
