"""A label server on the loopback under attack: silent, slow and uninvited connections keep nobody from their work."""

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from monailabel_app.lib.login.tokens import make_token
from monailabel_app.lib.server.connections import MOST_OF_ONE
from monailabel_app.lib.server.limits import MOST_OF_STRANGERS
from tests.label.started_server import started_server

SILENT, SLOW = 900, 64

PROXY = "127.0.0.2"
"""All of 127.0.0.0/8 is this machine; the server believes this address of it."""

UPLOAD = "PUT /datastore/label?image=1.2.3 HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
LOGIN = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
LONG = "Content-Length: 30000\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A started server with a login, and what a person needs to use it."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "studies").mkdir()
    token = make_token(folder / "state" / "tokens.json", name="Ada", role="annotator")
    conf = {"models": "unet", "trusted_proxies": PROXY}
    with started_server(str(folder / "studies"), folder, conf) as started:
        port = int(started.url.rpartition(":")[2])
        header = {"Authorization": f"Bearer {token}"}
        found = SimpleNamespace(url=started.url, port=port, header=header, pid=started.process.pid, folder=folder)
        assert seconds_for_info(found) < 60
        yield found


@pytest.fixture
def connect(server: SimpleNamespace) -> Iterator[Callable[..., socket.socket]]:
    """Open connections that are closed with the test."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, files[1]), files[1]))
    with ExitStack() as opened:

        def open_one(begin: str = "", *, source: str = "127.0.0.1") -> socket.socket:
            one = socket.create_connection(("127.0.0.1", server.port), timeout=30, source_address=(source, 0))
            opened.enter_context(one).sendall(begin.encode())
            return one

        yield open_one
    resource.setrlimit(resource.RLIMIT_NOFILE, files)


def seconds_for_info(server: SimpleNamespace) -> float:
    """How long a person waits, who connects anew."""
    begin = time.monotonic()
    assert requests.get(f"{server.url}/info/", headers=server.header, timeout=60).status_code == 200
    return time.monotonic() - begin


@contextmanager
def sending_on(connections: list[socket.socket]) -> Iterator[None]:
    """One more byte on each of them, again and again, whatever the server makes of it."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(0.05):
            for one in connections:
                with suppress(OSError):
                    one.send(b"x")

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_person_is_answered_within_two_seconds_beside_silent_and_slow_connections_of_the_same_address(
    server, connect
):
    slow = [connect(f"{UPLOAD}Content-Length: 1000000\r\n\r\n--b\r\n") for _ in range(SLOW)]
    for _ in range(SILENT):
        connect()
    with sending_on(slow):
        waits = [seconds_for_info(server) for _ in range(10)]
    assert max(waits) < 2, waits


def test_of_the_silent_connections_of_an_address_the_oldest_make_room(server, connect):
    silent = [connect() for _ in range(MOST_OF_ONE + 5)]
    assert [one.recv(1) for one in silent[:5]] == [b""] * 5, "the server has closed them"
    silent[-1].sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert silent[-1].recv(12) == b"HTTP/1.1 200"


def test_those_of_a_trusted_proxy_are_many_callers_and_stay(server, connect):
    silent = [connect(source=PROXY) for _ in range(MOST_OF_ONE + 5)]
    seconds_for_info(server)
    silent[0].sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert silent[0].recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "authorization", ["", "Authorization: Bearer mammoseg_wrong\r\n", "Cookie: mammoseg_session=x\r\n"]
)
def test_who_has_no_token_is_refused_by_the_header_and_writes_nothing(server, connect, authorization):
    before = written_bytes(server)
    one = connect(f"{UPLOAD}{authorization}Content-Length: 100000000\r\n\r\n--b\r\n")
    assert one.recv(12) == b"HTTP/1.1 401", "before the body is there"
    for _ in range(64):
        one.sendall(b"x" * 2**16)
    seconds_for_info(server)
    assert written_bytes(server) - before < 2**16, "of the 4 MiB that were sent"
    assert not list((server.folder / "state").glob("uploads/*"))


def written_bytes(server: SimpleNamespace) -> int:
    """That the process has written to files and sockets."""
    counts = dict(line.split(": ") for line in Path(f"/proc/{server.pid}/io").read_text().splitlines())
    return int(counts["wchar"])


def test_slow_logins_are_few_and_lock_out_no_login_of_the_same_address_or_another(server, connect):
    begun = [connect(f"{LOGIN}{LONG}X-Forwarded-For: 192.0.2.1\r\n\r\ntoken=", source=PROXY) for _ in range(20)]
    ended = {one.recv(12) for one in begun[: 20 - MOST_OF_STRANGERS]}
    assert ended == {b"HTTP/1.1 408"}, "of the oldest, each by one that came later"
    for address in ("192.0.2.1", "192.0.2.2"):
        quick = connect(f"{LOGIN}Content-Length: 7\r\nX-Forwarded-For: {address}\r\n\r\ntoken=x", source=PROXY)
        assert quick.recv(12) == b"HTTP/1.1 401", "it is looked at, and the token is wrong"
    assert seconds_for_info(server) < 2
