"""Sessions of MONAI Label's clients: an image of their own that stays here while they ask about it."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import UploadFile

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.server.uploads import uploaded

MOST = 32
"""Of all people."""

MOST_OF_ONE = 4
"""Of one person."""

SECONDS = 3600
"""After the last use."""


@dataclass(eq=False)
class ImageSession:
    """One image of one person.

    Attributes:
        owner: name behind the login.
        path: file of the image.
        files: removes it when closed, and says then that the session is over.
        used: when it was used last, in seconds since 1970.
        users: requests that use it now.
        is_over: whether its file goes with the last of them.
    """

    owner: str
    path: Path
    files: ExitStack
    used: float = field(default_factory=time.time)
    users: int = 0
    is_over: bool = False

    def end(self) -> None:
        """Remove the file, now or with the last request that reads it."""
        self.is_over = True
        if not self.users:
            self.files.close()


class ImageSessions:
    """All sessions of a server, which end with it; the longest unused go where there are too many.

    One that nobody uses again ends by itself: a timer waits for the one that was not used for longest.

    Args:
        state_dir: gets the files.
        on_end: gets the id of each session that has ended, when no request reads its file any more.
    """

    def __init__(self, state_dir: Path, on_end: Callable[[str], None] = lambda name: None) -> None:
        self._state_dir = state_dir
        self._on_end = on_end
        self._open: OrderedDict[str, ImageSession] = OrderedDict()
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def open(self, owner: str, upload: UploadFile) -> str:
        """Keep an image and return the session's id.

        Raises:
            HttpError: 422; no such kind of file, or nothing in it.
        """
        name, files = secrets.token_urlsafe(24), ExitStack()
        files.callback(self._on_end, name)
        session = ImageSession(owner, files.enter_context(uploaded(upload, self._state_dir)), files)
        with self._lock:
            self._open[name] = session
            self._make_room(owner)
            if self._timer is None:
                self._set_timer()
        return name

    @contextmanager
    def use(self, name: str, owner: str) -> Iterator[ImageSession]:
        """The session of a person, whose file stays for the block.

        Raises:
            HttpError: 404; it is none of the person's, or it has ended.
        """
        with self._lock:
            self._end_unused()
            session = self._find(name, owner)
            session.used = time.time()
            session.users += 1
            self._open.move_to_end(name)
        try:
            yield session
        finally:
            with self._lock:
                session.users -= 1
                if session.is_over:
                    session.end()

    def close(self, name: str, owner: str) -> None:
        """End a session of a person.

        Raises:
            HttpError: as `use`.
        """
        with self._lock:
            self._find(name, owner)
            self._end([name])

    def close_all(self) -> None:
        """End all."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._end(list(self._open))

    def _find(self, name: str, owner: str) -> ImageSession:
        session = self._open.get(name)
        if session is None or session.owner != owner:
            reason = "you have no such session, or it has ended; open one with the image again."
            raise HttpError(404, "E_SESSION", reason)
        return session

    def _make_room(self, owner: str) -> None:
        self._end_unused()
        own = [name for name, session in self._open.items() if session.owner == owner]
        self._end({*own[:-MOST_OF_ONE], *list(self._open)[:-MOST]})

    def _end_unused(self) -> None:
        latest = time.time() - SECONDS
        self._end([name for name, session in self._open.items() if session.used <= latest])

    def _end(self, names: Collection[str]) -> None:
        for name in names:
            self._open.pop(name).end()

    def _set_timer(self) -> None:
        """Wake when the session that was not used for longest is to end; none where there is no session."""
        self._timer = None
        if self._open:
            longest_unused = next(iter(self._open.values()))
            self._timer = threading.Timer(max(0.0, longest_unused.used + SECONDS - time.time()), self._wake)
            self._timer.daemon = True
            self._timer.start()

    def _wake(self) -> None:
        with self._lock:
            try:
                self._end_unused()
            finally:
                self._set_timer()
