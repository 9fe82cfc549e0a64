"""Web server of the viewer: OHIF's files, and read-only DICOMweb of one archive under the same address.

It listens on loopback only and holds the password of the archive, so that no page of the browser has it. A Content
Security Policy keeps the page from sending anything anywhere else.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from typing import TypeVar
from urllib.parse import urlsplit

import requests

from mammoseg.program import request_here

CONFIG = Path(__file__).with_name("config.json")
"""OHIF's configuration: one data source, the archive; the one that OHIF ships names public servers."""

FORWARDED = re.compile(r"/(dicom-web/[A-Za-z0-9/_-][A-Za-z0-9/._-]*|wado)")
"""Paths that go to the archive; no percent sign, so that nothing hides behind an encoding."""

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""The first two let OHIF share memory between its workers; its own scripts need inline code and WebAssembly."""

OWN_NAMES = ("127.0.0.1", "localhost")
"""Names under which a browser may ask; any other is a page elsewhere whose name was pointed at this machine."""

ARCHIVE_SECONDS = 60
"""Time that the archive may take for one answer."""

Server = TypeVar("Server", bound=BaseServer)


class ViewerServer(ThreadingHTTPServer):
    """Serve the viewer for one archive.

    Args:
        files: folder of OHIF's built files.
        archive: root of an archive on this machine with DICOMweb below ``/dicom-web``, such as ``http://127.0.0.1:8042``.
        user: name and password at the archive, None where it wants none.
        port: port on 127.0.0.1; 0 takes a free one.
    """

    daemon_threads = True

    def __init__(self, files: Path, archive: str, *, user: tuple[str, str] | None = None, port: int = 0) -> None:
        self.files = files
        self.archive = archive.rstrip("/")
        self.user = user
        super().__init__(("127.0.0.1", port), ViewerHandler)

    @property
    def url(self) -> str:
        """Address of the study list."""
        return f"http://127.0.0.1:{self.server_port}"


class ViewerHandler(SimpleHTTPRequestHandler):
    """Answers GET and nothing else: a viewer has nothing to change."""

    server: ViewerServer
    protocol_version = "HTTP/1.1"

    def __init__(self, request, client_address, server: ViewerServer) -> None:
        super().__init__(request, client_address, server, directory=str(server.files))

    def do_GET(self) -> None:
        """Answer with a file, the configuration, or what the archive says."""
        path = urlsplit(self.path).path
        if self.headers.get("Host", "") not in [f"{name}:{self.server.server_port}" for name in OWN_NAMES]:
            self.send_error(HTTPStatus.FORBIDDEN)
        elif path.startswith(("/dicom-web", "/wado")):
            self._forward(path)
        elif path == "/app-config.js":
            config = json.loads(CONFIG.read_text(encoding="utf-8"))
            self._answer(200, "text/javascript", f"window.config = {json.dumps(config)};".encode())
        else:
            if not Path(self.translate_path(path)).is_file():
                self.path = "/index.html"  # OHIF's own routes, such as /viewer
            super().do_GET()

    def do_HEAD(self) -> None:
        """Refuse: OHIF does not ask, and the archive would not be asked."""
        self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)

    def end_headers(self) -> None:
        """Add `HEADERS` to every answer."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Write no log: paths hold UIDs and queries hold names."""

    def _forward(self, path: str) -> None:
        if not FORWARDED.fullmatch(path) or ".." in path.split("/"):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            answer = request_here(
                "get",
                self.server.archive + self.path,
                headers={"Accept": self.headers.get("Accept", "*/*")},
                auth=self.server.user,
                timeout=ARCHIVE_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException:
            self.send_error(HTTPStatus.BAD_GATEWAY, "the archive does not answer")
            return
        content_type = answer.headers.get("Content-Type", "application/json")
        body = answer.content
        if "json" in content_type:  # bulk data is named by whole addresses, which must lead through here
            body = body.replace(self.server.archive.encode(), self.server.url.encode())
        self._answer(answer.status_code, content_type, body)

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")  # images of patients stay out of the browser's files
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Run `server` in a thread as long as the block lasts."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
