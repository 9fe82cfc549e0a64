"""The audit says who did what when, survives crashes and several writers, and nothing names a patient anywhere."""

import json
import logging
import multiprocessing
import threading
from datetime import datetime

import pytest

from monailabel_app.lib import audit
from monailabel_app.lib.audit import AuditLog
from tests.label.fake_app import IMAGE

CANARY = "Canary^Patient"


def lines(log):
    return [json.loads(line) for line in log.path.read_text().splitlines() if line.strip()]


def said(caplog):
    """What was logged, but for the client of the tests, whose lines hold addresses."""
    return [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "asyncio"))]


def test_a_line_says_who_what_when_and_hides_the_image(tmp_path):
    log = AuditLog(tmp_path)
    log.record("ada", "save", image=IMAGE, tag="final")
    (line,) = lines(log)
    assert {"number": 1, "who": "ada", "what": "save", "tag": "final"}.items() <= line.items()
    assert line["image"] == log.hash_image(IMAGE) != IMAGE
    assert datetime.fromisoformat(line["time"]).utcoffset().total_seconds() == 0
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_numbers_go_on_after_a_restart_and_after_a_torn_line(tmp_path):
    AuditLog(tmp_path).record("ada", "save")
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(b'{"number": 2, "who": "b')
    log = AuditLog(tmp_path)
    log.record("ada", "train")
    text = log.path.read_text().splitlines()
    assert len(text) == 3 and json.loads(text[2])["number"] == 2


def _write(folder):
    log = AuditLog(folder)
    for _ in range(20):
        log.record("ada", "save")


def test_several_processes_share_the_numbers(tmp_path):
    AuditLog(tmp_path)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(tmp_path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [line["number"] for line in lines(AuditLog(tmp_path))] == list(range(1, 61))


def test_guessing_fills_no_disk(tmp_path):
    log = AuditLog(tmp_path)
    for _ in range(500):
        log.count_failed_login("192.0.2.1")
    assert len(lines(log)) == 1


def test_a_login_that_fails_while_another_is_counted_is_counted_once(tmp_path, monkeypatch):
    log = AuditLog(tmp_path)
    other = threading.Thread(target=log.count_failed_login, args=("192.0.2.2",))
    asked = []

    def read_clock():
        asked.append(1)
        if len(asked) == 2:  # the first is about to begin its line
            other.start()
            other.join(0.2)
        return 0.0

    monkeypatch.setattr(audit.time, "monotonic", read_clock)
    log.count_failed_login("192.0.2.1")
    other.join()
    assert [line["times"] for line in lines(log)] == [1], "the other stands in the next line"


@pytest.mark.parametrize(
    "method, path, what",
    [
        ("PUT", f"/datastore/label?image={IMAGE}", ["save", "save done"]),
        ("PUT", f"/datastore/label/info?label={IMAGE}&tag=final", ["note", "note done"]),
        ("PUT", f"/datastore/image?image={IMAGE}", ["add image", "add image done"]),
        ("POST", "/train/unet?run_sync=true", ["train", "train done"]),
        ("POST", "/batch/infer/unet?run_sync=true", ["batch inference"]),
        ("POST", "/train/unet/rollback", ["rollback", "rollback done"]),
        ("POST", "/train/unet/promote?version=1", ["promote", "promote done"]),
        ("DELETE", "/train/", ["stop train"]),
        ("DELETE", "/batch/infer", ["stop batch infer"]),
    ],
)
def test_each_change_leaves_its_lines(serve, token, tmp_path, method, path, what):
    header = token("admin")
    name = "label" if "label" in path else "file"
    answer = serve().request(
        method, path, headers=header, files={name: ("a.nii.gz", b"x")} if method == "PUT" else None
    )
    assert answer.status_code == 200, answer.text
    found = lines(AuditLog(tmp_path / "state"))
    assert [(line["who"], line["what"]) for line in found] == [("the admin", word) for word in what]


def test_the_lines_of_a_training_say_what_is_served_since(serve, fake_app, tmp_path):
    def train(request, is_stopped):
        fake_app.versions["unet"].number = 3
        return {}

    fake_app.train = train
    serve().post("/train/unet?run_sync=true")
    begin, end = lines(AuditLog(tmp_path / "state"))
    assert (begin["what"], begin["model"]) == ("train", "unet")
    assert (end["what"], end["of"], end["served"]) == ("train done", begin["number"], 3)


def test_what_comes_to_nothing_leaves_a_line_that_says_so(client, tmp_path):
    files = {"label": ("a.png", b"not an image")}
    assert client.put(f"/datastore/label?image={IMAGE}", files=files).status_code == 422
    begin, end = lines(AuditLog(tmp_path / "state"))
    assert (end["what"], end["of"]) == ("save failed", begin["number"])


@pytest.mark.parametrize("path", [f"/datastore/label?image={IMAGE}", "/train/unet/promote?version=1"])
def test_nothing_is_done_that_cannot_be_written_down(client, fake_app, tmp_path, path):
    (tmp_path / "state" / "audit.jsonl").symlink_to("/dev/full")
    files = {"label": ("a.nii.gz", b"x")} if "label" in path else None
    answer = client.request("PUT" if files else "POST", path, files=files)
    assert (answer.status_code, answer.json()["code"]) == (507, "E_AUDIT")
    assert "No space left on device" in answer.json()["detail"]
    assert not fake_app.store.labels and fake_app.versions["unet"].number == 2


def test_a_label_that_is_saved_is_acknowledged_though_the_disk_is_full_since(client, fake_app, tmp_path, caplog):
    def fill(image):
        (tmp_path / "state" / "audit.jsonl").unlink()
        (tmp_path / "state" / "audit.jsonl").symlink_to("/dev/full")
        return str(fake_app.store.folder / "image.dcm")

    fake_app.store.get_image_uri = fill
    answer = client.put(f"/datastore/label?image={IMAGE}", files={"label": ("a.nii.gz", b"x")})
    assert answer.status_code == 200 and fake_app.store.labels
    written = "\n".join(said(caplog))
    assert "a line of the audit is missing, 'save done'" in written and IMAGE not in written


def test_a_failed_login_leaves_its_line_and_a_missing_one_does_not(serve, token, tmp_path):
    token("viewer")
    client = serve()
    client.get("/info/")
    assert not (tmp_path / "state" / "audit.jsonl").exists()
    client.get("/info/", headers={"Authorization": "Bearer wrong"})
    (line,) = lines(AuditLog(tmp_path / "state"))
    assert (line["what"], line["times"]) == ("login failed", 1)


def test_no_route_writes_a_name_into_a_log_or_the_audit(serve, fake_app, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    fake_app.store.info[IMAGE]["PatientName"] = CANARY

    def fail():
        raise ValueError(f"cannot use {CANARY}")

    client = serve()
    for path in client.app.openapi()["paths"]:
        address = path.format(
            model="unet", strategy="random", method="dice", path=f"studies/{CANARY}", session_id=CANARY
        )
        for method in ("GET", "POST", "PUT", "DELETE", "HEAD"):
            for run in (fail, lambda: None):
                fake_app.model.run = run
                params = {"image": IMAGE, "label": CANARY, "tag": "final", "PatientName": CANARY, "session_id": ""}
                files = {"label": (f"{CANARY}.nii.gz", CANARY.encode()), "file": (f"{CANARY}.png", CANARY.encode())}
                files["files"] = files["file"]
                data = {"params": json.dumps({"a": CANARY}), "info": json.dumps({"a": CANARY}), "token": CANARY}
                client.request(method, address, params=params, files=files, data=data)
                client.request(method, address, params=params, json={"patient": CANARY})
    written = "\n".join(said(caplog)) + (tmp_path / "state" / "audit.jsonl").read_text()
    assert len(said(caplog)) > 100 and CANARY not in written and IMAGE not in written
