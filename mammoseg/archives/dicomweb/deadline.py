"""An answer has a deadline: the timeout of a socket is for one piece, so a byte a minute would never end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

MOST_SECONDS = 900.0
"""For one whole answer: the largest instance at 5 Mbit/s."""


@contextmanager
def hung_up_after(seconds: float, connection: Any) -> Iterator[None]:
    """A block that reads from a connection of `DeadlineAdapter`, which ends for it after so many seconds.

    Args:
        connection: what is read from; one of another adapter, or None, goes on.
    """
    timer = threading.Timer(max(0.0, seconds), _end_connection, [getattr(connection, "wire", None)])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end_connection(wire: Any) -> None:
    if isinstance(wire, socket.socket):
        with suppress(OSError):  # it is closed
            socket.socket.shutdown(wire, socket.SHUT_RDWR)  # below TLS, whose state another thread reads


class _Connection(HTTPConnection):
    """Hangs up on a status line and headers that do not end; ``100 Continue`` may come without end, RFC 9110 15.2."""

    wire: Any = None  # `sock` is gone once the last answer has begun

    def connect(self) -> None:
        super().connect()
        self.wire = self.sock

    def getresponse(self) -> Any:
        with hung_up_after(MOST_SECONDS, self):
            return super().getresponse()


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class DeadlineAdapter(HTTPAdapter):
    """The adapter of requests, whose connections can be hung up on; not those over a SOCKS proxy."""

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        super().init_poolmanager(*sizes, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if isinstance(manager, urllib3.ProxyManager):
            manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager
