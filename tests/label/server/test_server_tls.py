"""The server with a certificate; and one sentence where it could not listen, before anything is loaded."""

import http.client
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import requests
from monailabel.client import MONAILabelClient

from mammoseg.program import find_free_port, wait_for_answer
from monailabel_app.__main__ import main
from monailabel_app.lib.login.tokens import make_token
from monailabel_app.lib.server.address import bind
from monailabel_app.lib.server.connections import MOST_OF_ONE

ROOT = Path(__file__).resolve().parents[3]

MAKE = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=test -days 1"

START_SECONDS = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cert.pem of 127.0.0.1 with its key.pem, the key of another, and one with a password."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, protection in (("cert", "-nodes"), ("other", "-nodes"), ("locked", "-passout pass:word")):
        files = f"-addext subjectAltName=IP:127.0.0.1 -out {name}.pem -keyout {name}-key.pem"
        subprocess.run(
            [*MAKE.split(), *protection.split(), *files.split()], cwd=folder, check=True, capture_output=True
        )
    return folder


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What a start says that ends at once."""
    assert main(["--studies", str(folder), "--conf", "state_dir", str(folder / "state"), *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" not in said
    return said


@pytest.mark.parametrize(
    "certificate, key, reason",
    [
        ("cert.pem", "other-key.pem", "KEY_VALUES_MISMATCH"),
        ("cert.pem", None, "no certificate, or no key"),
        ("cert-key.pem", "cert-key.pem", "no certificate, or no key"),
        ("absent.pem", "cert-key.pem", "No such file"),
        ("locked.pem", "locked-key.pem", "no certificate, or no key"),
    ],
)
def test_a_wrong_key_or_certificate_is_one_sentence(folder, capsys, certificate, key, reason):
    options = ["--ssl_certfile", str(folder / certificate), *(["--ssl_keyfile", str(folder / key)] if key else [])]
    said = refused(folder, capsys, *options)
    assert f"cannot be used ({reason}" in said


def test_a_key_without_a_certificate_is_not_taken_for_encryption(folder, capsys):
    assert "without --ssl_certfile" in refused(folder, capsys, "--ssl_keyfile", str(folder / "cert-key.pem"))


@pytest.mark.parametrize("host", ["192.0.2.1", "name.invalid"])
def test_a_host_that_is_not_of_this_machine_is_one_sentence(folder, capsys, host):
    assert f"cannot listen on {host} port 8000" in refused(folder, capsys, "--host", host, "--insecure")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_where_a_server_can_listen_nothing_is_said(host):
    for bound in bind(host, 0):
        bound.close()


@pytest.mark.parametrize("port", ["taken", "65536"])
def test_a_port_that_is_taken_or_none_is_one_sentence(folder, capsys, port):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1]) if port == "taken" else port
        said = refused(folder, capsys, "--port", number)
    assert (
        said.startswith(f"monailabel_app: cannot listen on 127.0.0.1 port {number} (")
        and "while attempting" not in said
    )


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[tuple[str, str]]:
    """Address and token of a started server with a certificate and a key that has a password."""
    token = make_token(folder / "state" / "tokens.json", name="Ada", role="annotator")
    port = find_free_port()
    (folder / "studies").mkdir()
    command = [sys.executable, "-m", "monailabel_app", "--studies", str(folder / "studies"), "--port", str(port)]
    command += ["--conf", "state_dir", str(folder / "state"), "--conf", "models", "unet"]
    command += ["--ssl_certfile", "locked.pem", "--ssl_keyfile", "locked-key.pem", "--ssl_keyfile_password", "word"]
    with (folder / "log").open("w") as log:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
    url = f"https://127.0.0.1:{port}"
    try:
        ready = wait_for_answer(f"{url}/ready", process, seconds=START_SECONDS, verify=str(folder / "locked.pem"))
        assert ready, (folder / "log").read_text()
        yield url, token
    finally:
        process.terminate()
        process.wait(30)


def test_everything_goes_through_tls_and_the_cookie_too(server, folder):
    url, token = server
    certificate = str(folder / "locked.pem")
    assert requests.get(f"{url}/ready", verify=certificate, timeout=30).ok
    answer = requests.post(f"{url}/login", {"token": token}, verify=certificate, timeout=30, allow_redirects=False)
    assert "Secure" in answer.headers["Set-Cookie"]
    with pytest.raises((requests.ConnectionError, http.client.HTTPException)):
        requests.get(url.replace("https", "http"), timeout=30)


def test_connections_that_never_begin_tls_make_room_too(server, folder):
    port = int(server[0].rpartition(":")[2])
    trusted = ssl.create_default_context(cafile=str(folder / "locked.pem"))
    with ExitStack() as opened:
        silent = [
            opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            for _ in range(MOST_OF_ONE + 1)
        ]
        assert silent[0].recv(1) == b"", "the server has closed the oldest"
        assert trusted.wrap_socket(silent[-1], server_hostname="127.0.0.1").version(), "and the newest goes on"


def test_slicers_client_and_its_downloader_reach_it(server, folder, tmp_path):
    url, token = server
    client = MONAILabelClient(url, str(tmp_path), "user-xyz")
    client.update_auth(client.auth_token("ada", token))
    assert client.info()["datastore"]["total"] == 0
    with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urlopen(f"{url}/ready", timeout=30)
    trusted = ssl.create_default_context(cafile=str(folder / "locked.pem"))
    assert urlopen(f"{url}/ready", timeout=30, context=trusted).status == 200
