"""Sessions with an image of a client's own: how many there are, how long, and that nothing of them is left."""

import threading
import time
import traceback
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from fastapi import UploadFile

from mammoseg.dicom.algorithm import Assistance
from mammoseg.interactive.run_lengths import RunLengths
from monailabel_app.lib.datastore.work import Proposal
from monailabel_app.lib.errors import HttpError
from monailabel_app.lib.models.run import PROPOSAL
from monailabel_app.lib.server import image_sessions
from monailabel_app.lib.server.image_sessions import MOST, MOST_OF_ONE, ImageSessions
from tests.label.fake_app import IMAGE


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[ImageSessions]:
    sessions = ImageSessions(tmp_path)
    yield sessions
    sessions.close_all()


def begin(sessions: ImageSessions, owner: str = "Ada") -> str:
    return sessions.open(owner, UploadFile(BytesIO(b"pixels"), filename="a.dcm"))


def files(folder: Path) -> int:
    return len([path for path in folder.rglob("*") if path.is_file()])


def test_refusals_keep_nothing_of_those_before_them(sessions):
    lengths = []
    for _ in range(3):
        with pytest.raises(HttpError) as refused, sessions.use("none", "Ada"):
            pass
        lengths.append(len(list(traceback.walk_tb(refused.value.__traceback__))))
    assert len(set(lengths)) == 1


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


def test_a_session_that_nobody_uses_again_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(image_sessions, "SECONDS", 0.2)
    ended: dict[str, threading.Event] = {}
    sessions = ImageSessions(tmp_path, on_end=lambda name: ended.setdefault(name, threading.Event()).set())
    for owner in ("Ada", "Grace", "Ada"):
        name = begin(sessions, owner)
        assert ended.setdefault(name, threading.Event()).wait(30), "nobody opened or used another one"
        assert files(tmp_path) == 0


def test_a_session_that_is_used_on_outlives_the_timer_that_was_set_when_it_was_opened(sessions, tmp_path):
    name = begin(sessions)
    with sessions.use(name, "Ada") as session:
        session.used = time.time() + 10
    sessions._wake()
    assert files(tmp_path) == 1 and sessions._timer is not None and sessions._timer.interval > image_sessions.SECONDS
    sessions.close(name, "Ada")
    sessions._wake()
    assert sessions._timer is None, "it waits for nobody"


def opened(client) -> str:
    return client.put("/session/", files=[("files", ("a.dcm", b"pixels"))]).json()["session_id"]


def test_a_session_takes_no_other_file_and_saves_no_label(client, fake_app):
    asked = {"image": IMAGE, "session_id": opened(client)}  # Slicer's module names an image besides
    assert client.post("/infer/unet", params=asked).status_code == 200
    two = client.post("/infer/unet", params=asked, files={"file": ("b.dcm", b"others")})
    assert (two.status_code, two.json()["detail"]) == (
        400,
        "a session has its image; leave out the file, or the session.",
    )
    save = {"params": '{"save_label": true}'}
    for kept in ({"params": asked}, {"files": {"file": ("b.dcm", b"others")}}):
        answer = client.post("/infer/unet", **kept, data=save)
        assert answer.status_code == 400 and "leave out save_label" in answer.json()["detail"]
    assert len(fake_app.model.requests) == 1 and not fake_app.store.labels


def test_the_outlines_of_a_session_go_with_it_and_a_client_with_a_long_name_has_none(client, fake_app, monkeypatch):
    outline = Proposal(Assistance("clicks", "1"), RunLengths(None), 1, ["+ 5 5"])
    answer = type(fake_app.model).__call__

    def told(self, request):
        return answer(self, request)[0], {PROPOSAL: outline}

    monkeypatch.setattr(type(fake_app.model), "__call__", told)
    monkeypatch.setattr(fake_app.model, "prompts", ("foreground",))
    fake_app.store.work.propose = lambda image, user, proposal: None
    name, kept = opened(client), client.app.state.masks_so_far
    client.post("/infer/unet", params={"session_id": name})
    for long, count in (("x" * 201, 1), ("\u00e9" * 101, 1), ("x" * 200, 2)):
        client.post("/infer/unet", params={"image": IMAGE}, data={"params": f'{{"client_id": "{long}"}}'})
        assert len(kept) == count
    client.delete(f"/session/{name}")
    assert len(kept) == 1


def test_wrong_sessions_get_one_sentence(client):
    for name, status in (("nobodys", 404), ("../x", 400), ("x" * 65, 400)):
        answer = client.post("/infer/unet", params={"image": IMAGE, "session_id": name})
        assert answer.status_code == status and isinstance(answer.json()["detail"], str), answer.text
    two = [("files", ("a.dcm", b"pixels")), ("files", ("b.dcm", b"pixels"))]
    assert client.put("/session/", files=two).json()["detail"] == "a session holds one image; send one file."
    assert client.put("/session/", files=[("files", ("a.exe", b"pixels"))]).status_code == 422
