"""The way to the archive: what a viewer needs passes, everything else is refused before anything is sent."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mammoseg.viewer.server import serving

UID = "1.2.840.1"
INSTANCE = f"studies/{UID}/series/{UID}/instances/{UID}"


@pytest.fixture
def archive():
    """An archive that notes what it is asked and answers with its own address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append((self.path, self.headers.get("Accept"), self.headers.get("Cookie")))
            status = 302 if "1.2.302" in self.path else 500 if "1.2.500" in self.path else 200
            is_json = "frames" not in self.path
            body = (
                json.dumps({"BulkDataURI": f"{server.url}/{INSTANCE}/bulk/00420011"}).encode()
                if is_json
                else b"\0pixels"
            )
            self.send_response(status)
            if "1.2.31" in self.path:  # it says that its body is packed, and sends another
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Set-Cookie", "secret=1")
            self.send_header("Content-Type", "application/dicom+json" if is_json else "multipart/related; boundary=x")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    server.url = f"http://127.0.0.1:{server.server_port}/dicom-web"
    with serving(server):
        yield server


@pytest.fixture
def client(serve, fake_app, archive):
    fake_app.studies = archive.url
    return serve()


@pytest.mark.parametrize(
    "path",
    [
        "qido/studies",
        f"qido/studies/{UID}/series",
        f"wado/studies/{UID}/series/{UID}/metadata",
        f"wado/{INSTANCE}/frames/1",
        f"wado/{INSTANCE}/frames/1,2,3",
        f"wado/{INSTANCE}/rendered",
        f"wado/{INSTANCE}/bulk/00420011",
        f"wado/{INSTANCE}/bulk/00081115/1/00420011",
        f"{INSTANCE}/metadata",
        INSTANCE,
    ],
)
def test_what_a_viewer_asks_for_passes(client, archive, path):
    assert client.get(f"/proxy/dicom/{path}").status_code == 200
    assert archive.asked[0][0] == "/dicom-web/" + path.removeprefix("qido/").removeprefix("wado/")


@pytest.mark.parametrize(
    "path",
    [
        *("..%2f..%2fsystem", "../../system", "%2e%2e/system", "qido/..%2f..%2finstances", "wado/%2e%2e/%2e%2e/tools"),
        *("system", "tools/execute-script", "changes", "servers", "wado", "qido/", "", "studies/", "//studies"),
        *("studies/1.2/../../system", "studies/..", "studies/1.2%00", "studies/01.2", "studies/1..2", "studies/a"),
        *(f"studies/{'1' * 65}", "studies/1.2/archive", "studies/1.2/series/1.3/instances/1.4/frames/x"),
        *(f"{INSTANCE}/bulk/..", f"{INSTANCE}/file", f"{INSTANCE}?x/../..".replace("?", "%3f"), "http://127.0.0.1:1/"),
        *("stow/studies/../x", "studies\\..", "studies;x", "studies%0d%0aX: y", f"studies/{UID}/", "%73tudies"),
    ],
)
def test_no_other_path_reaches_the_archive(client, archive, as_typed, path):
    assert as_typed(client, f"/proxy/dicom/{path}")[0] == 404
    assert not archive.asked


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD"])
def test_nothing_is_written_through_it(client, archive, method):
    assert client.request(method, "/proxy/dicom/qido/studies").status_code == 405
    assert not archive.asked


def test_a_search_passes_as_it_is_and_the_browsers_cookies_do_not(client, archive):
    params = {"PatientName": "Do*", "00080060": "MG", "includefield": "00081030,00080060", "limit": "10"}
    answer = client.get("/proxy/dicom/qido/studies", params=params, headers={"Cookie": "mammoseg_session=x"})
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    path, _, cookie = archive.asked[0]
    assert path.startswith("/dicom-web/studies?PatientName=Do%2A&00080060=MG&") and cookie is None


@pytest.mark.parametrize(
    "params",
    [{"a b": "x"}, {"../": "x"}, {"x": "a\nb"}, {"x": "y" * 2000}, {f"a{n}"[:1] + "b" * n: "x" for n in range(40)}],
)
def test_a_search_with_something_odd_is_400(client, archive, params):
    assert client.get("/proxy/dicom/qido/studies", params=params).status_code == 400
    assert not archive.asked


def test_addresses_of_bulk_data_lead_through_here(client):
    answer = client.get(f"/proxy/dicom/wado/{INSTANCE}/metadata").json()
    assert answer["BulkDataURI"] == f"http://127.0.0.1:8000/proxy/dicom/wado/{INSTANCE}/bulk/00420011"


def test_pixels_pass_with_their_type(client, archive):
    answer = client.get(f"/proxy/dicom/wado/{INSTANCE}/frames/1", headers={"Accept": "multipart/related"})
    assert answer.content == b"\0pixels" and answer.headers["content-type"] == "multipart/related; boundary=x"
    assert archive.asked[0][1] == "multipart/related"


@pytest.mark.parametrize("study", ["1.2.302", "1.2.500"])
def test_an_archive_that_fails_or_leads_elsewhere_is_503(client, study):
    answer = client.get(f"/proxy/dicom/qido/studies/{study}/series")
    assert (answer.status_code, answer.json()["code"]) == (503, "E_ARCHIVE")


@pytest.mark.parametrize("path", ["metadata", "instances/1.2.3/frames/1"])
def test_an_archive_whose_answer_cannot_be_read_is_503(client, path):
    answer = client.get(f"/proxy/dicom/wado/studies/{UID}/series/1.2.31/{path}")
    assert (answer.status_code, answer.json()["code"]) == (503, "E_ARCHIVE")


def test_an_archive_that_is_away_is_503(client, archive):
    archive.shutdown()
    archive.server_close()
    assert client.get("/proxy/dicom/qido/studies").json()["code"] == "E_ARCHIVE"


def test_a_folder_has_no_archive_behind_it(serve):
    assert serve().get("/proxy/dicom/qido/studies").json()["code"] == "E_NO_ARCHIVE"


def test_a_viewer_needs_a_login_here_too(serve, token, fake_app, archive):
    header = token("viewer")
    fake_app.studies = archive.url
    client = serve()
    assert client.get("/proxy/dicom/qido/studies").status_code == 401
    assert client.get("/proxy/dicom/qido/studies", headers=header).status_code == 200
