"""The viewer's server gives OHIF's files and read-only DICOMweb, to this machine alone."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from mammoseg.program import request_here
from mammoseg.viewer.server import ViewerServer, serving


class Archive(BaseHTTPRequestHandler):
    def do_GET(self):
        own = f"http://127.0.0.1:{self.server.server_port}{self.path}"
        answer = {"path": self.path, "password": self.headers.get("Authorization"), "BulkDataURI": own}
        body = json.dumps(answer).encode()
        self.send_response(200 if "absent" not in self.path else 404)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def archive():
    with serving(HTTPServer(("127.0.0.1", 0), Archive)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def url(archive, tmp_path_factory):
    files = tmp_path_factory.mktemp("ohif")
    (files / "index.html").write_text("the viewer")
    (files / "app.js").write_text("its code")
    (files / "app-config.js").write_text("public servers")
    (files.parent / "secret").write_text("secret")
    with serving(ViewerServer(files, archive, user=("me", "word"))) as server:
        yield server.url


def raw(url, path, method="GET", **headers):
    """Send `path` as it stands: requests would tidy it up."""
    session = requests.Session()
    prepared = requests.Request(method, url, headers=headers).prepare()
    prepared.url = url + path
    return session.send(prepared)


@pytest.mark.parametrize(
    ("path", "text"), [("/", "the viewer"), ("/app.js", "its code"), ("/viewer?a=1", "the viewer")]
)
def test_files_come_as_they_are_and_routes_of_ohif_give_its_page(url, path, text):
    assert requests.get(url + path).text == text


def test_configuration_names_only_this_server(url):
    text = requests.get(f"{url}/app-config.js").text
    assert text.startswith("window.config = {")
    assert '"qidoRoot": "/dicom-web"' in text
    assert "http" not in text


def test_archive_is_asked_with_the_password_that_the_browser_does_not_have(url):
    answer = requests.get(f"{url}/dicom-web/studies?limit=2")
    assert answer.json()["path"] == "/dicom-web/studies?limit=2"
    assert answer.json()["password"] == "Basic bWU6d29yZA=="
    assert answer.headers["Content-Type"] == "application/dicom+json"
    assert requests.get(f"{url}/dicom-web/absent").status_code == 404


def test_no_proxy_of_the_environment_is_asked_for_the_archive(url, dead_proxy):
    assert request_here("get", f"{url}/dicom-web/studies").status_code == 200


def test_addresses_of_bulk_data_lead_through_this_server(url):
    assert requests.get(f"{url}/dicom-web/metadata").json()["BulkDataURI"] == f"{url}/dicom-web/metadata"


@pytest.mark.parametrize(
    "path", ["/dicom-web/../system", "/dicom-web/..%2fsystem", "/dicom-web/a/../../system", "/wado/../x", "/dicom-web"]
)
def test_nothing_else_of_the_archive_can_be_reached(url, path):
    assert raw(url, path).status_code == 404


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/..%2fsecret"])
def test_nothing_beside_the_files_can_be_reached(url, path):
    assert raw(url, path).text == "the viewer"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_nothing_can_be_changed(url, method):
    assert requests.request(method, f"{url}/dicom-web/studies").status_code in (405, 501)


def test_a_page_whose_name_was_pointed_here_is_refused(url):
    assert raw(url, "/dicom-web/studies", Host="evil.example").status_code == 403


def test_the_page_may_connect_to_this_server_only(url):
    policy = requests.get(url).headers["Content-Security-Policy"]
    assert "http" not in policy and "*" not in policy and "default-src 'self'" in policy


def test_an_archive_that_does_not_answer_is_said_to_be_so(tmp_path):
    with serving(ViewerServer(tmp_path, "http://127.0.0.1:9")) as server:
        assert requests.get(f"{server.url}/dicom-web/studies").status_code == 502
