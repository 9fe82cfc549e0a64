"""The server as a person starts it: a process of its own over a real archive; and where it refuses to start."""

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
import requests

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.program import find_free_port, is_loopback, wait_for_answer
from monailabel_app.lib.audit import AuditLog
from monailabel_app.lib.login.tokens import make_token
from monailabel_app.lib.server.address import build_url
from monailabel_app.lib.settings import find_announced_host
from tests.label.tiny_models import write_weights
from tests.orthanc import instances_in, running_orthanc
from tests.waiting import wait_until

__all__ = ["running_orthanc"]

ROOT = Path(__file__).resolve().parents[3]

GUARD = """
import socket
real = socket.getaddrinfo
def guarded(host, *rest, **named):
    if host not in (None, "127.0.0.1", "localhost", "::1"):
        open({log!r}, "a").write(f"{{host}}\\n")
    return real(host, *rest, **named)
socket.getaddrinfo = guarded
"""
"""Notes every name that the process looks up, such as those of a model zoo or of a download."""

START_SECONDS = 90


def run(*arguments, code=None, **environment):
    """A command line of the app, or of Python, to its end."""
    command = [sys.executable, *(["-c", code] if code else ["-m", "monailabel_app"]), *arguments]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=START_SECONDS)


@pytest.fixture(scope="module")
def server(running_orthanc, tmp_path_factory):
    """The server over Orthanc with two mammograms, login and weights; ended by its own process id."""
    folder = tmp_path_factory.mktemp("server")
    for study in requests.get(f"{running_orthanc.url}/studies", auth=running_orthanc.user, timeout=10).json():
        requests.delete(f"{running_orthanc.url}/studies/{study}", auth=running_orthanc.user, timeout=10)
    for side in "LR":
        pixels = np.zeros((320, 240), np.uint16)
        pixels[40:280, :150], pixels[120:150, 60:90] = 1200, 3000
        path = folder / "images" / f"{side}.dcm"
        write_mammogram(path, pixels, laterality=side, patient_id="CANARY-0815")
        running_orthanc.store(path)
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(GUARD.format(log=str(folder / "looked_up")))
    token = make_token(folder / "state" / "tokens.json", name="Ada", role="annotator")
    port = find_free_port()
    arguments = ["--studies", running_orthanc.dicomweb, "--port", str(port)]
    for pair in (
        ("state_dir", str(folder / "state")),
        ("models", "unet,aunet"),
        ("weights", f"unet={write_weights(folder / 'w.pt')}"),
    ):
        arguments += ["--conf", *pair]
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'guard'}{os.pathsep}{ROOT}"}
    environment["MAMMOSEG_DICOMWEB_PASSWORD"] = running_orthanc.user[1]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "monailabel_app", *arguments], stdout=log, stderr=log, env=environment, cwd=folder
        )
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    url = f"http://127.0.0.1:{port}"
    try:
        assert wait_for_answer(f"{url}/ready", process, seconds=START_SECONDS), (folder / "log").read_text()
        yield SimpleNamespace(url=url, port=port, session=session, folder=folder, archive=running_orthanc)
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def image(server):
    """Id of one of the images, as active learning gives it."""
    answer = server.session.post(f"{server.url}/activelearning/random", json={}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def test_it_lists_models_with_and_without_weights(server):
    models = server.session.get(f"{server.url}/info/", timeout=60).json()["models"]
    automatic = {name: about["weights"] for name, about in models.items() if about["type"] == "segmentation"}
    assert automatic == {"unet": 0, "aunet": None}


def test_it_says_where_the_page_is(server):
    assert f"  {server.url}/annotate/  the page to annotate" in (server.folder / "log").read_text()


def test_a_model_without_weights_says_so(server, image):
    answer = server.session.post(f"{server.url}/infer/aunet?image={image}", timeout=60)
    assert answer.status_code == 409 and "has no weights yet" in answer.json()["detail"]


def test_an_image_goes_from_the_archive_through_a_model_and_back_as_a_persons_label(server, image):
    before = instances_in(server.archive)
    params = {"params": json.dumps({"result_extension": ".nrrd"})}
    mask = server.session.post(f"{server.url}/infer/unet?image={image}&output=image", data=params, timeout=60)
    assert mask.content.startswith(b"NRRD")
    segmentation = server.session.post(f"{server.url}/infer/unet?image={image}&output=dicom_seg", timeout=60)
    dataset = pydicom.dcmread(BytesIO(segmentation.content))
    assert dataset.SOPClassUID == pydicom.uid.SegmentationStorage
    saved = server.session.put(
        f"{server.url}/datastore/label?image={image}",
        files={"label": ("mask.nrrd", mask.content)},
        data={"params": json.dumps({"label_info": [{"name": "mass", "idx": 1}]})},
        timeout=60,
    )
    assert saved.status_code == 200, saved.text
    wait_until(lambda: instances_in(server.archive) != before, "the label in the archive")
    assert instances_in(server.archive) == before + 1
    assert server.session.get(f"{server.url}/datastore/", timeout=60).json()["completed"] == 1
    (line,) = [line for line in _audit(server) if line["what"] == "save"]
    assert line["who"] == "Ada" and line["image"] == AuditLog(server.folder / "state").hash_image(image)


def test_the_archive_is_read_through_it_and_not_written(server):
    studies = server.session.get(f"{server.url}/proxy/dicom/qido/studies?limit=5", timeout=60)
    study = studies.json()[0]["0020000D"]["Value"][0]
    path = f"{server.url}/proxy/dicom/wado/studies/{study}"
    metadata = server.session.get(f"{path}/metadata", timeout=60)
    assert metadata.status_code == 200 and str(server.archive.url) not in metadata.text
    first = metadata.json()[0]
    series, sop = (first[tag]["Value"][0] for tag in ("0020000E", "00080018"))
    frame = server.session.get(f"{path}/series/{series}/instances/{sop}/frames/1", timeout=60)
    assert frame.status_code == 200 and frame.headers["content-type"].startswith("multipart/related")
    assert server.session.get(f"{server.url}/proxy/dicom/qido/../../system", timeout=60).status_code == 404


def test_it_says_nothing_of_a_patient_and_looks_up_no_name(server, image):
    server.session.post(f"{server.url}/infer/unet?image={image}", timeout=60).raise_for_status()
    path = server.folder / "log"
    wait_until(lambda: "POST /infer/{model} 200" in path.read_text(), "the line of the answer, which goes out first")
    log = path.read_text()
    audit = "\n".join(json.dumps(line) for line in _audit(server))
    for path in (server.folder / "images").rglob("*.dcm"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        for value in (dataset.PatientID, str(dataset.PatientName), dataset.StudyInstanceUID, dataset.SOPInstanceUID):
            assert str(value) not in log + audit
    assert "Traceback" not in log and not (server.folder / "looked_up").exists()


def _audit(server):
    return [json.loads(line) for line in (server.folder / "state" / "audit.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_address_that_others_reach_needs_a_login(host, tmp_path):
    done = run("--studies", str(tmp_path), "--host", host, "--conf", "state_dir", str(tmp_path / "state"))
    assert done.returncode == 2 and done.stderr.startswith(
        f"monailabel_app: {host} can be reached by others and there is no login"
    )
    assert done.stderr.count("\n") == 1


AS_MONAILABEL_STARTS_IT = """
import sys
from monailabel_app.lib import shim
shim.prepare()
from monailabel.interfaces.utils.app import app_instance
_, app, folder = sys.argv
for host in ("0.0.0.0", "127.0.0.1"):
    sys.argv = ["monailabel", "start_server", "--app", app, "--host", host]
    try:
        app_instance(app, folder, {"state_dir": folder + "/state", "models": "unet"})
        print("started")
    except Exception as error:
        print(error)
"""


def test_a_refused_start_leaves_no_state_folder(tmp_path):
    done = run(
        "--studies", str(tmp_path / "nowhere"), "--port", "0", "--conf", "state_dir", str(tmp_path / "made/state")
    )
    assert done.returncode == 2 and "nowhere is no folder" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_app_refuses_a_public_address_of_monailabels_own_server_too(tmp_path):
    done = run(str(ROOT / "monailabel_app"), str(tmp_path), code=AS_MONAILABEL_STARTS_IT)
    refused, started = done.stdout.splitlines()
    assert refused.startswith("0.0.0.0 can be reached by others") and started == "started"


@pytest.mark.parametrize(
    "command, host",
    [
        (["monailabel", "start_server"], "0.0.0.0"),
        (["/x/main.py", "start_server", "--host", "10.0.0.1"], "10.0.0.1"),
        (["monailabel", "start_server", "-i", "127.0.0.1"], "127.0.0.1"),
        (["monailabel", "start_server", "--host=::1"], "::1"),
        (["uvicorn", "monailabel.app:app"], "127.0.0.1"),
        (["pytest"], None),
        ([], None),
    ],
)
def test_the_address_is_read_from_the_command_line(command, host):
    assert find_announced_host(command) == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_loopback_is_known_in_all_its_forms(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("pacs.example", "http://pacs.example:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
    ],
)
def test_the_address_that_is_said_is_one_that_a_browser_opens(host, url):
    assert build_url("http", host, 8000) == url


def test_a_token_is_made_shown_once_and_revoked(tmp_path):
    conf = ("--conf", "state_dir", str(tmp_path))
    made = run("token", "--name", "Ada", "--role", "annotator", *conf)
    assert made.returncode == 0 and made.stdout.startswith("mammoseg_") and made.stdout.count("\n") == 1
    assert made.stdout.strip() not in (tmp_path / "tokens.json").read_text()
    assert run("token", "--name", "Ada", "--revoke", *conf).stdout == "1 token of Ada revoked.\n"
    assert "unknown role" in run("token", "--name", "Ada", "--role", "boss", *conf).stderr
