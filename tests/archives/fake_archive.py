"""An archive that fails or lies: an HTTP server in a thread whose every answer a test writes."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mammoseg.archives.dicomweb.client import Archive, connect
from tests.waiting import PATIENCE_SECONDS

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request, handed to the test's function once its body is read."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append(self)
        self.server.answer(self)

    do_POST = do_GET

    def reply(self, status: int, body: bytes = b"", content_type: str = "application/dicom+json") -> None:
        """Answer as a sound server does."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, answer: Any, status: int = 200) -> None:
        self.reply(status, json.dumps(answer).encode())

    def never_reply(self) -> None:
        """Keep the client waiting for as long as the server lives."""
        self.server.ended.wait()
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""


class FakeServer(ThreadingHTTPServer):
    """Keeps the requests that came."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Answer, certificate: Path | None = None) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.ended = threading.Event()
        super().__init__(("127.0.0.1", 0), Request)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error here."""


@contextmanager
def fake_archive(
    answer: Answer, *, certificate: Path | None = None, patience: float = PATIENCE_SECONDS, **options: Any
) -> Iterator[tuple[Archive, FakeServer]]:
    """Connection to a server that answers by `answer`; three attempts.

    Args:
        certificate: with its key, in one PEM file; then the server speaks TLS.
        patience: seconds that the client waits for an answer; short only where none comes.
        options: of `connect`.
    """
    with FakeServer(answer, certificate) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        address = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
        try:
            yield connect(address, timeout=(PATIENCE_SECONDS, patience), waits=(0.01, 0.01), **options), server
        finally:
            server.ended.set()
            server.shutdown()


def dicom_json(**values: Any) -> dict[str, Any]:
    """DICOM JSON of one attribute a keyword argument, by tags such as ``t0020000D``."""
    return {tag[1:]: {"vr": "UI", "Value": [value]} for tag, value in values.items()}
