"""Ids, tags, parameters and files from clients: what breaks a rule is refused and reaches nothing."""

import errno
import hashlib
import json
import resource
import sqlite3

import pytest

from mammoseg.errors import MammosegError
from monailabel_app.lib.models.infer import MassInferTask
from monailabel_app.lib.models.train import MassTrainTask
from monailabel_app.lib.params import KINDS, pick_known
from tests.label.fake_app import IMAGE
from tests.label.tiny_models import served_model

BAD_IDS = (
    *("../x", "..", "a/../b", "/etc/passwd", "a/b", "a\\b", "%2e%2e", "..%2f..%2fsystem", "~", "a b", "a\n", "a\0b"),
    *("", ".", "a..b", ".hidden", "-x", "ä", "x" * 129, "a." * 150, "$HOME", "C:\\x", "a;b", "<x>"),
)


@pytest.mark.parametrize("value", BAD_IDS)
def test_an_id_that_breaks_the_grammar_reaches_nothing(client, fake_app, value):
    files = {"label": ("x.nii.gz", b"x")}
    answers = [
        client.get("/datastore/image", params={"image": value}),
        client.get("/datastore/image/info", params={"image": value}),
        client.get("/datastore/label", params={"label": value, "tag": "final"}),
        client.put("/datastore/label", params={"image": value}, files=files),
        client.post("/infer/unet", params={"image": value}),
    ]
    if value:
        answers.append(client.put("/datastore/image", params={"image": value}, files={"file": ("x.dcm", b"x")}))
    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert not fake_app.store.calls and not fake_app.model.requests


@pytest.mark.parametrize("tag", ["../../../lab", "", "FINAL", "final/", "best"])
def test_a_tag_is_final_or_original(client, fake_app, tag):
    for method, name in (("PUT", "image"), ("GET", "label")):
        answer = client.request(method, "/datastore/label", params={name: IMAGE, "tag": tag}, files={"label": b"x"})
        assert answer.status_code == 400 and answer.json()["code"] == "E_TAG"
    assert not fake_app.store.calls


@pytest.mark.parametrize("name", ["..", "a%2fb", "a.b", "x" * 65, "%00"])
def test_a_name_of_a_model_or_method_keeps_its_grammar(client, name):
    for group in ("infer", "train", "batch/infer", "scoring", "activelearning"):
        assert client.post(f"/{group}/{name}").status_code in (400, 404, 405)


@pytest.mark.parametrize("group", ["infer", "train", "batch/infer", "scoring", "activelearning"])
def test_an_unknown_model_or_method_is_404_with_a_code(client, group):
    answer = client.post(f"/{group}/nothing", params={"image": IMAGE})
    assert answer.status_code == 404 and answer.json()["code"].startswith("E_") and len(answer.json()["id"]) == 8


def nested(depth):
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "5", "null x", '{"a": NaN}', '{"a": 1e999}', '{"a": -1e400}', '{"a": 90071992547409930}'),
        *(f'{{"a": {nested(20)}}}', f'{{"a": {nested(100_000)}}}', '{"a": ' + "1" * 5000 + "}", '"' + "x" * 300_000),
        *('{"a": "\\ud800"}', '{"\\udfff": 1}', '{"a": [{"b": "x\\ud83d"}]}', '{"a": ' + "1" * 400 + "}"),
        *('{"image": "/etc/passwd"}', '{"model": "other"}', '{"session": "x"}', '{"file": "x"}'),
    ],
)
def test_parameters_that_are_no_small_flat_object_are_400(client, fake_app, text):
    assert client.post("/infer/unet", params={"image": IMAGE}, data={"params": text}).status_code == 400
    if "image" not in text and "session" not in text and "file" not in text and "model" not in text:
        assert client.post("/train/unet", content=text).status_code == 400
    assert not fake_app.model.requests


def test_a_task_gets_the_parameters_it_knows_and_no_other(client, fake_app):
    params = {"threshold": 0.4, "device": "cpu", "result_extension": ".nrrd", "model_filename": "/tmp/x.pt"}
    answer = client.post("/infer/unet", params={"image": IMAGE, "output": "image"}, data={"params": json.dumps(params)})
    assert answer.content == b"mask of pixels" and answer.headers["content-disposition"].endswith('"mask.nrrd"')
    (request,) = fake_app.model.requests
    assert request["threshold"] == 0.4 and "model_filename" not in request


@pytest.mark.parametrize(
    "path, known", [("/scoring/dice", {"images": "all"}), ("/activelearning/random", {"group": True})]
)
def test_scoring_and_strategies_get_the_parameters_they_know_and_no_other(client, fake_app, path, known):
    seen = []

    def task(request, store):
        seen.append(request)
        return {"id": IMAGE}

    fake_app.scoring_methods["dice"] = fake_app.strategies["random"] = task
    params = {"model": "unet", **known, "path": "/etc/passwd", "seconds": 9}
    assert client.post(path, params={"run_sync": True}, json=params).status_code == 200
    assert seen[0].items() >= {"model": "unet", **known}.items() and not {"path", "seconds"} & seen[0].keys()
    for params in ({"image": "x"}, {"strategy": "first"}, {"method": "x"}, {"model": "nothing"}, {"model": ["unet"]}):
        assert client.post(path, json=params).status_code == (404 if params == {"model": "nothing"} else 400)
    assert len(seen) == 1


@pytest.mark.parametrize(
    "path, params",
    [
        *(("/infer/unet", {"threshold": value}) for value in ("x", 0, 1.5, -1, True, [], {}, "nan", [0.5])),
        *(("/infer/unet", {"result_extension": value}) for value in ("../x.sh", 5, [], {})),
        ("/infer/unet", {"save_label": []}),
        *(("/batch/infer/unet", {"max_batch_size": value}) for value in ("x", -1, 1.5, True, [], 10**15)),
        *(("/batch/infer/unet", params) for params in ({"force": "perhaps"}, {"threshold": 2})),
        *(("/scoring/dice", {"images": value}) for value in ("none", 5, [], {}, [["all"]])),
        *(("/activelearning/random", params) for params in ({"group": "all"}, {"group": []}, {"model": "../x"})),
        *(("/train/", {"unet": value}) for value in ("x", 5, [1])),
        *(("/train/unet", {"threshold": value}) for value in ([], {}, "1" * 400)),
    ],
    ids=str,
)
def test_a_parameter_of_the_wrong_kind_is_400_in_one_sentence_that_names_it(client, fake_app, path, params):
    started = []
    fake_app.batch_infer = fake_app.train = lambda request, is_stopped: started.append(request)
    if path.startswith("/infer"):
        answer = client.post(path, params={"image": IMAGE}, data={"params": json.dumps(params)})
    else:
        answer = client.post(path, json=params)
    assert (answer.status_code, answer.json()["code"]) == (400, "E_PARAMS")
    assert list(params)[0] in answer.json()["detail"] and answer.json()["detail"].endswith(".")
    assert not started and not fake_app.model.requests


def test_what_a_text_field_says_becomes_the_kind_of_its_parameter_and_an_empty_one_says_nothing():
    given = {"max_epochs": "20", "lr": "", "tolerance": None, "recipe": ["common", "paper"], "from_scratch": "true"}
    assert pick_known(given, given) == {"max_epochs": 20, "recipe": "common", "from_scratch": True}
    assert pick_known({"result_extension": "NRRD"}, ["result_extension"]) == {"result_extension": ".nrrd"}


def test_every_parameter_that_a_task_offers_has_a_kind(tmp_path):
    model = served_model(tmp_path, None)
    assert (MassTrainTask(model, tmp_path).config() | MassInferTask(model).config()).keys() <= KINDS.keys()


@pytest.mark.parametrize(
    "key",
    ["scores", "strategy", "model", "params", "user", "algorithm_type", "helped_by", "masses", "skipped"],
)
def test_a_note_cannot_replace_what_the_server_notes(client, fake_app, key):
    text = json.dumps({key: "x"})
    answers = [
        client.put("/datastore/image/info", params={"image": IMAGE}, data={"info": text}),
        client.put("/datastore/label/info", params={"label": IMAGE, "tag": "original"}, data={"info": text}),
        client.put("/datastore/image", files={"file": ("x.dcm", b"x")}, data={"params": text}),
    ]
    assert [answer.status_code for answer in answers] == [400] * 3 and key in answers[0].json()["detail"]
    saved = client.put(f"/datastore/label?image={IMAGE}", files={"label": ("a.png", b"x")}, data={"params": text})
    assert saved.status_code == 200, "of the parameters of a label only label_info is read"
    assert fake_app.store.calls[-1][1:] == (IMAGE, "final", {"user": "local", "role": "annotator"})


@pytest.mark.parametrize("number", ["-1", "1" * 400, "1e3", "x"])
def test_a_number_in_an_address_has_a_range(client, number):
    answers = [
        client.get("/datastore/dataset", params={"limit_cases": number}),
        client.get("/train/unet/curve", params={"version": number}),
        client.post("/train/unet/promote", params={"version": number}),
    ]
    assert [answer.status_code for answer in answers] == [422] * 3


def test_an_uploaded_image_is_used_and_then_gone(client, fake_app, tmp_path):
    files = {"file": ("../../x.nii.gz", b"my own")}
    assert client.post("/infer/unet", params={"output": "image"}, files=files).content == b"mask of my own"
    assert not list((tmp_path / "state" / "uploads").iterdir())
    assert fake_app.model.requests[0]["image"].endswith("/upload.nii.gz")


def test_the_whole_answer_is_a_multipart_message_as_slicer_reads_it(client):
    answer = client.post("/infer/unet", params={"image": IMAGE}, data={"params": '{"result_extension": ".nrrd"}'})
    assert answer.headers["content-type"].startswith("multipart/form-data")
    assert b'name="params"' in answer.content and b'filename="mask.nrrd"' in answer.content
    assert client.post("/infer/unet", params={"image": IMAGE, "output": "json"}).json() == {"label_names": {"mass": 1}}
    segmentation = client.post("/infer/unet", params={"image": IMAGE, "output": "dicom_seg"})
    assert segmentation.content == b"SEG of pixels" and segmentation.headers["content-type"] == "application/dicom"


OWN = {"file": ("x.dcm", b"my own")}


def test_of_two_images_neither_is_taken(client, fake_app):
    answer = client.post("/infer/unet", params={"image": IMAGE}, files=OWN)
    assert (answer.status_code, answer.json()["code"]) == (400, "E_REQUEST") and not fake_app.model.requests


def test_a_seg_that_is_to_be_saved_is_refused(client, fake_app):
    asked = {"params": {"image": IMAGE, "output": "dicom_seg"}, "data": {"params": '{"save_label": true}'}}
    answer = client.post("/infer/unet", **asked)
    assert answer.status_code == 400 and "a SEG is not saved here" in answer.json()["detail"]
    assert not fake_app.store.labels


@pytest.mark.parametrize("output", ["image", "json", "all", "dicom_seg"])
def test_every_answer_says_what_must_be_said_of_the_weights(client, fake_app, output):
    fake_app.model.warning = "These weights know nothing."
    for sent in ({"params": {"image": IMAGE, "output": output}}, {"params": {"output": output}, "files": OWN}):
        answer = client.post("/infer/unet", **sent)
        assert answer.status_code == 200 and answer.headers["x-mammoseg-warning"] == "These weights know nothing."


def test_a_label_comes_back_as_it_was_saved(client, fake_app):
    saved = client.put("/datastore/label", params={"image": IMAGE}, files={"label": ("a.b.nii.gz", b"a mask")})
    assert saved.json() == {"image": IMAGE, "label": IMAGE}
    assert fake_app.store.calls[-1][1:] == (IMAGE, "final", {"user": "local", "role": "annotator"})
    loaded = client.get("/datastore/label", params={"label": IMAGE, "tag": "final"})
    assert loaded.content == b"a mask" and f'filename="{IMAGE}.nii.gz"' in loaded.headers["content-disposition"]
    assert client.head("/datastore/label", params={"label": IMAGE, "tag": "final"}).status_code == 200
    assert client.head("/datastore/label", params={"label": IMAGE, "tag": "original"}).status_code == 404


@pytest.mark.parametrize("name, content", [("a.exe", b"x"), ("a", b"x"), ("a.zip", b"x"), ("a.png", b"")])
def test_a_file_that_is_no_label_is_422(client, fake_app, name, content):
    answer = client.put("/datastore/label", params={"image": IMAGE}, files={"label": (name, content)})
    assert answer.status_code == 422 and not fake_app.store.labels


def test_a_label_that_the_data_source_refuses_says_why_without_a_path(client):
    files = {"label": ("a.png", b"not an image")}
    answer = client.put("/datastore/label", params={"image": IMAGE}, files=files)
    assert (answer.status_code, answer.json()["code"]) == (422, "E_NOT_A_LABEL")
    assert answer.json()["detail"] == "... is none."


def test_an_unknown_image_is_404_without_a_path(client, tmp_path):
    answer = client.post("/infer/unet", params={"image": "1.2.3"})
    assert answer.status_code == 404 and str(tmp_path) not in answer.text


def test_a_fault_is_500_with_an_id_and_neither_text_nor_traceback(client, fake_app, caplog):
    def fail():
        raise RuntimeError("Doe^Jane in /srv/secret.dcm")

    fake_app.model.run = fail
    answer = client.post("/infer/unet", params={"image": IMAGE})
    assert answer.status_code == 500 and answer.json()["code"] == "E_FAULT"
    assert answer.json()["id"] in caplog.text and "RuntimeError at fake_app.py" not in answer.text
    assert "Doe" not in answer.text + caplog.text and "secret" not in answer.text + caplog.text


def full_index() -> sqlite3.Error:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (x)")
    connection.execute("PRAGMA max_page_count = 2")
    try:
        connection.execute("INSERT INTO t VALUES (?)", ("x" * 10_000,))
    except sqlite3.Error as error:
        return error
    raise AssertionError


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device", "/srv/x"), full_index()], ids=repr)
def test_a_full_disk_is_507_in_one_sentence_without_a_path(client, fake_app, error):
    def fail():
        raise error

    fake_app.model.run = fail
    answer = client.post("/infer/unet", params={"image": IMAGE})
    assert (answer.status_code, answer.json()["code"]) == (507, "E_DISK_FULL")
    sentence = "the disk of the server is full, so nothing was kept; make room there, then try again."
    assert answer.json()["detail"] == sentence


def test_an_upload_that_the_full_disk_does_not_take_is_507_and_leaves_nothing(client, fake_app, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    files = {"label": ("a.nii.gz", bytes(2**20 - 1000))}  # below what is kept in memory while a form is read
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, limits[1]))
    try:
        answer = client.put(f"/datastore/label?image={IMAGE}", files=files)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (answer.status_code, answer.json()["code"]) == (507, "E_DISK_FULL")
    assert not fake_app.store.labels and not list((tmp_path / "state" / "uploads").iterdir())


def test_a_form_that_the_full_disk_does_not_take_is_507(client):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, limits[1]))
    try:
        answer = client.put(f"/datastore/label?image={IMAGE}", files={"label": ("a.nii.gz", bytes(2**21))})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (answer.status_code, answer.json()["code"]) == (507, "E_DISK_FULL")


def test_the_data_set_is_gone_from_the_server_when_it_is_sent(client, fake_app):
    answer = client.get("/datastore/dataset")
    assert answer.content == b"patients" and answer.headers["content-length"] == "8"
    assert answer.headers["content-disposition"] == 'attachment; filename="dataset.zip"'
    assert not (fake_app.store.folder / "dataset.zip").exists()


def test_a_state_that_forbids_is_409_in_words(client, fake_app):
    def fail():
        raise MammosegError("model 'unet' has no weights yet.")

    fake_app.model.run = fail
    answer = client.post("/infer/unet", params={"image": IMAGE})
    assert (answer.status_code, answer.json()["detail"]) == (409, "model 'unet' has no weights yet.")


def test_what_is_missing_in_a_request_is_422_and_is_not_echoed(client):
    answer = client.get("/datastore/label", params={"tagg": "Doe^Jane"})
    assert answer.status_code == 422 and "Doe" not in answer.text


def test_the_next_image_comes_without_the_servers_path(client, fake_app):
    answer = client.post("/activelearning/random", json={"client_id": "slicer"})
    assert answer.json() == {"id": IMAGE}
    assert fake_app.store.info[IMAGE]["strategy"]["random"]["client_id"] == "local"


def test_a_checksum_tells_whether_slicer_has_the_image(client):
    def status(check_sum):
        return client.head("/datastore/image", params={"image": IMAGE, "check_sum": check_sum}).status_code

    right = hashlib.sha256(b"pixels").hexdigest()
    assert [status(right), status(f"SHA256:{right}"), status("SHA256:00"), status("")] == [200, 200, 404, 200]
