"""A hook that sees what no file may bring about: processes, sockets, and writes outside of a folder."""

import os
import sys
from pathlib import Path
from typing import Any

PROCESSES = ("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "subprocess.Popen")
SOCKETS = ("socket.__new__", "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.sendto")
WRITES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate")
"""Events of Python's audit hooks, docs.python.org/3/library/audit_events.html."""


class Watch:
    """Notes what must not happen: processes, sockets, and writes outside `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder.resolve())
        self.seen: list[str] = []
        self.is_on = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_on and (event in PROCESSES + SOCKETS or self._writes_outside(event, arguments)):
            self.seen.append(f"{event} {arguments}"[:300])

    def _writes_outside(self, event: str, arguments: tuple[Any, ...]) -> bool:
        is_write = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if not (is_write or event in WRITES) or not isinstance(arguments[0], str | bytes | os.PathLike):
            return False
        place = os.path.realpath(os.fsdecode(arguments[0]))
        return not (place == os.devnull or place == self.folder or place.startswith(f"{self.folder}/"))
