"""Sessions with an image of a client's own: how many there are, how long, and that nothing of them is left."""

import time
from io import BytesIO
from pathlib import Path

import pytest
from fastapi import UploadFile

from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.server import image_sessions
from monailabel_app.lib.server.image_sessions import MOST, MOST_OF_ONE, ImageSessions
from tests.label.fake_app import IMAGE


@pytest.fixture
def sessions(tmp_path: Path) -> ImageSessions:
    return ImageSessions(tmp_path)


def begin(sessions: ImageSessions, owner: str = "Ada") -> str:
    return sessions.open(owner, UploadFile(BytesIO(b"pixels"), filename="a.dcm"))


def files(folder: Path) -> int:
    return len([path for path in folder.rglob("*") if path.is_file()])


def test_a_fifth_session_ends_the_one_that_was_not_used_for_longest(sessions, tmp_path):
    first, second, *_ = (begin(sessions) for _ in range(MOST_OF_ONE))
    with sessions.use(first, "Ada") as session:
        assert session.path.read_bytes() == b"pixels"
    begin(sessions)
    with sessions.use(first, "Ada"), pytest.raises(HttpError, match="no such session"), sessions.use(second, "Ada"):
        pass
    assert files(tmp_path) == MOST_OF_ONE


def test_all_people_have_so_many_and_the_end_leaves_no_file(sessions, tmp_path):
    for number in range(MOST + 3):
        begin(sessions, owner=f"person {number}")
    assert files(tmp_path) == MOST
    sessions.close_all()
    assert files(tmp_path) == 0


def test_a_file_stays_for_the_request_that_reads_it(sessions, tmp_path):
    name = begin(sessions)
    with sessions.use(name, "Ada") as session:
        sessions.close(name, "Ada")
        assert session.path.exists()
    assert files(tmp_path) == 0


def test_a_session_ends_an_hour_after_its_last_use(sessions, monkeypatch):
    name = begin(sessions)
    later = time.time() + image_sessions.SECONDS + 1
    monkeypatch.setattr(image_sessions.time, "time", lambda: later)
    with pytest.raises(HttpError, match="it has ended"), sessions.use(name, "Ada"):
        pass


def test_wrong_sessions_get_one_sentence(client):
    for name, status in (("nobodys", 404), ("../x", 400), ("x" * 65, 400)):
        answer = client.post("/infer/unet", params={"image": IMAGE, "session_id": name})
        assert answer.status_code == status and isinstance(answer.json()["detail"], str), answer.text
    two = [("files", ("a.dcm", b"pixels")), ("files", ("b.dcm", b"pixels"))]
    assert client.put("/session/", files=two).json()["detail"] == "a session holds one image; send one file."
    assert client.put("/session/", files=[("files", ("a.exe", b"pixels"))]).status_code == 422
