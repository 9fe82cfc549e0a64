"""Open connections: those without a valid login are few for an address and last for seconds, so that nobody fills them.

All that a connection does before a person's request has come over it costs an open file: nothing at all, half of a TLS
handshake, a header or a body that never ends. None is refused; the one that waits for longest makes room.
"""

import asyncio
import resource
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from monailabel_app.lib.callers import AddressRange, find_site, is_among

PeerAddress = tuple[str, int]
"""Address and port at the other end."""

IDLE_SECONDS = 15.0
"""From the start of a connection, or its last answer, to the header of a person's request."""

MOST_OF_ONE = 128
"""Idle connections of one address; a department behind one address has some dozens, of browsers."""

MOST_OF_ALL = 512
"""Idle connections; half of the files that a process may open without asking on most systems."""


OPEN_FILES = 4096
"""That a burst of connections may take until the surplus is closed; many systems give a process 1024 unless asked."""


def allow_open_files() -> None:
    """Ask for `OPEN_FILES`, or as many as this user may have."""
    asked, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if asked != resource.RLIM_INFINITY and asked < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


@dataclass(frozen=True, eq=False)
class _Idle:
    """A connection that waits."""

    connection: socket.socket
    site: str


class Connections:
    """The idle ones, oldest first; those at work for a person are no matter of this.

    Args:
        proxies: proxies whose connections are many callers', and are not counted.
    """

    def __init__(self, *, proxies: Sequence[AddressRange] = ()) -> None:
        self.proxies = proxies
        self._idle: dict[PeerAddress, _Idle] = {}

    def begin(self, connection: socket.socket, peer: PeerAddress) -> None:
        """Note a new connection, and close the oldest where there are too many."""
        if is_among(peer[0], self.proxies):
            return
        self._idle = {other: idle for other, idle in self._idle.items() if idle.connection.fileno() >= 0}
        self._wait(peer, connection)
        own = [other for other, idle in self._idle.items() if idle.site == self._idle[peer].site]
        for group, most in ((own, MOST_OF_ONE), (list(self._idle), MOST_OF_ALL)):
            if len(group) > most:
                self._close(group[0], self._idle[group[0]])

    @contextmanager
    def at_work(self, peer: PeerAddress | None) -> Iterator[None]:
        """Not idle, as long as the block lasts."""
        idle = self._idle.pop(peer, None) if peer else None
        try:
            yield
        finally:
            if peer and idle:
                self._wait(peer, idle.connection)

    def note_answered(self, peer: PeerAddress | None) -> None:
        """Idle anew, for the connection of a stranger who has an answer."""
        with self.at_work(peer):
            pass

    def _wait(self, peer: PeerAddress, connection: socket.socket) -> None:
        idle = self._idle[peer] = _Idle(connection, find_site(peer[0]))
        asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close, peer, idle)

    def _close(self, peer: PeerAddress, idle: _Idle) -> None:
        """End a connection that is idle still; the server sees it as if the other end had."""
        if self._idle.get(peer) is idle:
            del self._idle[peer]
            with suppress(OSError):  # it has ended by itself
                idle.connection.shutdown(socket.SHUT_RDWR)


class Listener(socket.socket):
    """A listening socket that tells of each connection, before TLS or HTTP begins.

    Args:
        bound: socket to take over.
    """

    def __init__(self, bound: socket.socket, connections: Connections) -> None:
        super().__init__(fileno=bound.detach())
        self.connections = connections

    def accept(self) -> tuple[socket.socket, PeerAddress]:
        connection, peer = super().accept()
        self.connections.begin(connection, (str(peer[0]), int(peer[1])))
        return connection, peer
