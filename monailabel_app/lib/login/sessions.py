"""Secrets that stand for a login for some time: in the cookie of a browser, or in the address of one image."""

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass, replace

from monailabel_app.lib.login.roles import Person

MOST = 1000


@dataclass(frozen=True)
class Session:
    """What a secret stands for.

    Attributes:
        token: what it was opened with; it ends with it.
        person: who opened it, with the time when it ends.
        image: the only one that it opens; empty where it opens all.
    """

    token: str
    person: Person
    image: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the time of the session has passed."""
        return (self.person.expires or 0) < time.time()


class Sessions:
    """In memory, so that they end with the process; only digests are kept.

    Args:
        seconds: time in seconds that one lasts, or as long as its token where that is shorter.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, token: str, person: Person, image: str = "") -> str:
        """Start one and return its secret; of more than `MOST` the oldest goes."""
        ends = min(person.expires or float("inf"), time.time() + self._seconds)
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._open = {key: session for key, session in self._open.items() if not session.is_over}
            if len(self._open) >= MOST:
                del self._open[next(iter(self._open))]
            self._open[hash_secret(secret)] = Session(token, replace(person, expires=ends), image)
        return secret

    def find(self, secret: str) -> Session | None:
        """What a secret stands for; None after its end."""
        session = self._open.get(hash_secret(secret))
        return None if session is None or session.is_over else session

    def close(self, secret: str) -> None:
        """End one, if there is one."""
        with self._lock:
            self._open.pop(hash_secret(secret), None)


def hash_secret(secret: str) -> str:
    """SHA-256; enough for 256 random bits, which cannot be guessed and need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
