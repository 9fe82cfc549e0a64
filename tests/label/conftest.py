"""What tests of the label app share: monailabel made importable, and a server around a fake app."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote

import anyio
import pytest

from monailabel_app.lib import shim

shim.prepare()

from fastapi.testclient import TestClient  # noqa: E402  # FastAPI's and monailabel's modules need the shim
from starlette.types import Message  # noqa: E402

from monailabel_app.lib.login.tokens import make_token  # noqa: E402
from monailabel_app.lib.server.server import build  # noqa: E402
from monailabel_app.lib.settings import ServerSettings  # noqa: E402
from tests.label.fake_app import FakeApp  # noqa: E402

ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Temporary files of this process go to a folder of the test, and none of ours is left when it ends."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert not list(folder.glob("mammoseg-*"))


@pytest.fixture
def fake_app(tmp_path: Path) -> FakeApp:
    (tmp_path / "store").mkdir()
    return FakeApp(tmp_path / "store")


@pytest.fixture
def serve(fake_app: FakeApp, tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """Start a server around `fake_app` with values of ``--conf``; it ends with the test."""
    with ExitStack() as running:

        def start(
            host: str = "127.0.0.1", *, client: tuple[str, int] = ("testclient", 50000), **conf: str
        ) -> TestClient:
            settings = ServerSettings.from_conf({"state_dir": str(tmp_path / "state"), **conf}, host=host)
            server = build(fake_app, settings)
            return running.enter_context(
                TestClient(server, base_url=ADDRESS, raise_server_exceptions=False, client=client)
            )

        yield start


@pytest.fixture
def as_typed() -> Callable[[TestClient, str], tuple[int, str]]:
    """Send GET with a path as it stands, where a browser or httpx would tidy up its dots; gives status and text."""

    def send(client: TestClient, path: str) -> tuple[int, str]:
        host = (b"host", b"127.0.0.1:8000")
        scope = {"type": "http", "method": "GET", "path": unquote(path), "raw_path": path.encode(), "query_string": b""}
        scope |= {"headers": [host], "scheme": "http", "root_path": "", "http_version": "1.1", "extensions": {}}
        messages: list[Message] = []

        pieces: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            return pieces.pop() if pieces else await anyio.sleep_forever()

        async def keep(message: Message) -> None:
            messages.append(message)

        assert client.portal is not None
        client.portal.call(client.app, scope, receive, keep)
        return messages[0]["status"], b"".join(message.get("body", b"") for message in messages).decode()

    return send


@pytest.fixture
def client(serve: Callable[..., TestClient]) -> TestClient:
    """A server on loopback without login."""
    return serve()


@pytest.fixture
def token(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Header of a new person with a role."""

    def make(role: str) -> dict[str, str]:
        made = make_token(tmp_path / "state" / "tokens.json", name=f"the {role}", role=role)
        return {"Authorization": f"Bearer {made}"}

    return make
