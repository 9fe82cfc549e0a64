"""Work that outlasts a request: one of a kind at a time, with progress, an end on request, and a word when it fails."""

import logging
import threading
import time

from mammoseg.errors import MammosegError
from monailabel_app.lib.server.jobs import Job, Jobs
from tests.label.fake_app import IMAGE


def wait_for(client, path, status):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        record = client.get(path).json()
        if record["status"] == status:
            return record
        time.sleep(0.02)
    raise AssertionError(record)


def test_a_training_runs_beside_the_server_and_ends_with_its_result(client, fake_app):
    go_on = threading.Event()
    fake_app.train = lambda request, is_stopped: go_on.wait(60) and {"version": 3}
    assert client.get("/train/").status_code == 404
    started = client.post("/train/unet", json={"max_epochs": 2}).json()
    assert started["status"] in ("SUBMITTED", "RUNNING") and started["request"]["model"] == "unet"
    running = wait_for(client, "/train/?check_if_running=true", "RUNNING")
    assert running["stats"] == {"epoch": 1}
    assert client.post("/train/unet").status_code == 429
    assert client.post("/train/unet?enqueue=true").json()["status"] == "SUBMITTED"
    go_on.set()
    assert wait_for(client, "/train/", "DONE")["result"] == {"version": 3}
    assert len(client.get("/train/?all=true").json()) == 2
    assert client.get("/train/?check_if_running=true").status_code == 404


def test_a_training_ends_on_request_and_what_waits_never_starts(client, fake_app):
    ran = []

    def train(request, is_stopped):
        ran.append(1)
        while len(ran) == 1 and not is_stopped():
            time.sleep(0.01)

    fake_app.train = train
    client.post("/train/unet")
    wait_for(client, "/train/", "RUNNING")
    client.post("/train/unet?enqueue=true")
    assert client.delete("/train/").json()["status"] == "STOPPED"
    assert [record["status"] for record in client.get("/train/?all=true").json()] == ["STOPPED", "STOPPED"]
    assert client.delete("/train/").json() is None
    client.post("/train/unet?enqueue=true")
    wait_for(client, "/train/", "DONE")
    assert len(ran) == 2, "the first, and one that came after all that waited"


def test_what_is_stopped_while_it_begins_is_told_and_stays_stopped():
    jobs, ran = Jobs(), []

    class Stopped(Job):
        def __setattr__(self, name, value):
            """Stop as soon as it is taken up, which is what a client may do at any moment."""
            if value == "RUNNING":
                stopping.start()
                stopping.join(0.2)  # it waits where the change is not to be divided
            super().__setattr__(name, value)

    job = Stopped({}, lambda is_stopped: ran.append(job.stop.wait(5)))
    stopping = threading.Thread(target=jobs.stop, args=("train",))
    jobs.start("train", job)
    jobs._threads["train"].shutdown()
    stopping.join()
    assert (job.status, ran) == ("STOPPED", [True]), "not DONE, and the work was told"


def test_a_failure_is_told_in_words_where_they_are_for_people_and_by_its_kind_else(client, fake_app):
    def fail(error):
        raise error

    fake_app.train = lambda request, is_stopped: fail(MammosegError("label more images."))
    client.post("/train/unet")
    assert wait_for(client, "/train/", "ERROR")["error"] == "label more images."
    fake_app.batch_infer = lambda request, is_stopped: fail(ValueError("Doe^Jane"))
    client.post("/batch/infer/unet")
    assert wait_for(client, "/batch/infer", "ERROR")["error"] == "ValueError"


def test_a_training_that_cannot_be_is_409_and_no_work_of_any_model(client, fake_app):
    def check(request, datastore):
        raise MammosegError("label more images.")

    fake_app.model.check = check
    for path in ("/train/unet", "/train/unet?enqueue=true", "/train/unet?run_sync=true", "/train/"):
        answer = client.post(path)
        assert (answer.status_code, answer.json()["detail"]) == (409, "label more images.")
    assert client.get("/train/").status_code == 404


def test_the_log_of_the_work_is_its_progress(client, fake_app):
    def train(request, is_stopped):
        logging.getLogger("monailabel_app.training").warning("epoch 1 of 2")

    fake_app.train = train
    client.post("/train/unet")
    assert wait_for(client, "/train/", "DONE")["details"] == ["epoch 1 of 2"]


def test_the_panel_of_ohif_trains_all_models_with_their_own_parameters(client, fake_app):
    seen = []
    fake_app.train = lambda request, is_stopped: seen.append(request)
    answer = client.post("/train/", json={"unet": {"threshold": 0.3}, "other": {}}).json()
    assert list(answer) == ["unet"]
    wait_for(client, "/train/", "DONE")
    assert seen == [{"model": "unet", "threshold": 0.3}]


def test_scoring_and_batches_answer_at_once_when_asked_to(client):
    assert client.post("/scoring/dice?run_sync=true", json={"images": "labeled"}).json() == {"mean": 1.0}
    assert client.post("/scoring/dice?run_sync=true", json={"images": ["/etc/passwd"]}).status_code == 400
    assert client.post("/batch/infer/unet?run_sync=true&images=unlabeled").json() == {"images": "unlabeled"}
    assert client.post("/batch/infer/unet?images=mine").status_code == 422


def test_a_model_goes_back_to_the_version_before(client):
    assert client.get("/train/unet/versions").json() == {"current": 2}
    assert client.post("/train/unet/rollback").json() == {"current": 1}
    assert client.post("/train/unet/promote?version=7").status_code == 200
    assert client.get("/train/unet/versions").json() == {"current": 7}
    assert client.get("/train/unet/curve").content == b"PNG of the last"
    assert client.get("/train/unet/curve?version=x").status_code == 422
    assert client.get("/train/nothing/versions").status_code == 404


def test_an_inference_is_the_work_of_its_request(client):
    assert client.post(f"/infer/unet?image={IMAGE}&output=json").status_code == 200
    assert client.get("/batch/infer").status_code == 404
