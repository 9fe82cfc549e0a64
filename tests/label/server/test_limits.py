"""Too much, too many, too slow, from a foreign page: refused with a number, and the server goes on."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from monailabel_app.lib.server.server import build
from monailabel_app.lib.settings import ServerSettings
from tests.label.fake_app import IMAGE
from tests.label.real_server import serving

LABEL = f"/datastore/label?image={IMAGE}"


def parts(size, piece=b"x" * 65536):
    """A multipart body in pieces, without Content-Length."""
    yield b'--b\r\nContent-Disposition: form-data; name="label"; filename="a.nii.gz"\r\n\r\n'
    for _ in range(size // len(piece)):
        yield piece
    yield b"\r\n--b--\r\n"


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


def test_an_upload_above_the_limit_is_413_by_its_header_and_by_its_bytes(serve, fake_app):
    client = serve(max_upload_mib="1")
    declared = client.put(LABEL, files={"label": ("a.nii.gz", b"x" * (2 << 20))})
    streamed = client.put(LABEL, content=parts(2 << 20), headers=MULTIPART)
    for answer in (declared, streamed):
        assert (answer.status_code, answer.json()["code"]) == (413, "E_TOO_LARGE")
    assert not fake_app.store.calls
    assert client.put(LABEL, content=parts(1 << 19), headers=MULTIPART).status_code == 200


def test_a_body_that_is_no_upload_may_have_one_mebibyte(client):
    assert client.post("/train/unet", content=b" " * (2 << 20)).status_code == 413


def test_one_request_too_many_is_429_and_the_next_is_served_again(serve, fake_app):
    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait():
        begun.release()
        go_on.wait(60)

    fake_app.model.run = wait
    client = serve(max_requests="2")
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(client.post, f"/infer/unet?image={IMAGE}&output=json") for _ in range(2)]
        assert begun.acquire(timeout=60) and begun.acquire(timeout=60)
        answer = client.get("/info/")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert client.get("/health").status_code == 200
        go_on.set()
        assert [work.result().status_code for work in running] == [200, 200]
    assert client.get("/info/").status_code == 200


def test_who_fills_their_own_allowance_leaves_the_others_theirs(serve, token, fake_app):
    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait():
        begun.release()
        go_on.wait(60)

    fake_app.model.run = wait
    busy, other = token("annotator"), token("viewer")
    client = serve(max_requests="1")
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(client.post, f"/infer/unet?image={IMAGE}&output=json", headers=busy)
        begun.acquire()
        assert client.get("/info/", headers=busy).status_code == 429
        assert client.get("/info/", headers=other).status_code == 200
        go_on.set()
        assert running.result().status_code == 200


def unread():
    pytest.fail("the body is read")
    yield b""


WRONG = {"Authorization": "Bearer mammoseg_wrong"}


@pytest.mark.parametrize("header", [{}, WRONG, {"Cookie": "mammoseg_session=x"}])
@pytest.mark.parametrize(
    "method, path", [("PUT", LABEL), ("PUT", "/datastore/image"), ("POST", f"/infer/unet?image={IMAGE}")]
)
def test_not_a_byte_of_a_body_is_read_of_who_has_no_token(serve, token, method, path, header):
    token("viewer")
    assert serve().request(method, path, content=unread(), headers={**MULTIPART, **header}).status_code == 401


@pytest.mark.parametrize(
    "method, path, status", [("PUT", LABEL, 403), ("POST", "/train/unet", 403), ("POST", "/nothing", 404)]
)
def test_nor_of_who_has_another_role_or_another_address_in_mind(serve, token, method, path, status):
    header = token("viewer")
    assert serve().request(method, path, content=unread(), headers={**MULTIPART, **header}).status_code == status


def test_the_form_of_a_login_is_short(serve, token):
    token("viewer")
    answer = serve().post("/login", content=parts(2**16), headers=MULTIPART)
    assert (answer.status_code, answer.json()["code"]) == (413, "E_TOO_LARGE")


def test_work_beyond_its_time_is_503_and_keeps_its_place_until_it_ends(serve, fake_app):
    go_on = threading.Event()
    fake_app.model.run = lambda: go_on.wait(600) and None
    client = serve(request_seconds="1", max_requests="1")
    assert client.post(f"/infer/unet?image={IMAGE}&output=json").json()["code"] == "E_SLOW"
    assert client.get("/info/").status_code == 429
    go_on.set()
    deadline = time.monotonic() + 60
    while client.get("/info/").status_code == 429 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert client.get("/info/").status_code == 200


def test_a_slow_upload_is_408_and_one_that_says_it_is_large_is_413_while_their_bodies_are_on_their_way(
    fake_app, tmp_path
):
    settings = ServerSettings.from_conf({"state_dir": str(tmp_path / "state"), "request_seconds": "1"})
    head = f"PUT {LABEL} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    with serving(build(fake_app, settings)) as port:
        for length, status in ((1000, b" 408 "), (10**10, b" 413 ")):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
                one.sendall(f"{head}Content-Length: {length}\r\n\r\n--b\r\n".encode())
                assert status in one.recv(100)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999"])
def test_a_page_of_another_site_changes_nothing(client, fake_app, origin):
    for method, path in (("POST", f"/infer/unet?image={IMAGE}"), ("PUT", LABEL), ("DELETE", "/train/")):
        answer = client.request(method, path, headers={"Origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "E_ORIGIN")
    answer = client.get("/info/", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    assert not fake_app.store.calls


def test_the_own_page_may(client):
    header = {"Origin": "http://127.0.0.1:8000"}
    assert client.post(f"/infer/unet?image={IMAGE}&output=json", headers=header).status_code == 200


def test_a_named_site_may_with_a_token_and_no_other(serve):
    client = serve(cors="https://viewer.example,https://other.example")
    ask = {"Origin": "https://viewer.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/infer/unet", headers=ask)
    assert answer.headers["access-control-allow-origin"] == "https://viewer.example"
    assert "access-control-allow-credentials" not in answer.headers
    refused = client.options("/infer/unet", headers={**ask, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers
    answer = client.post(f"/infer/unet?image={IMAGE}&output=json", headers={"Origin": "https://viewer.example"})
    assert answer.status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "10.0.0.1", ""])
def test_without_login_a_foreign_name_for_this_machine_is_refused(client, host):
    assert client.get("/info/", headers={"Host": host}).json()["code"] == "E_HOST"


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "[::1]:8000", "127.0.0.1"])
def test_the_names_of_this_machine_are_not(client, host):
    assert client.get("/info/", headers={"Host": host}).status_code == 200


def test_every_answer_carries_the_headers_of_safety(client):
    for path in ("/info/", "/nothing", "/login", "/ohif/"):
        headers = client.get(path).headers
        assert (
            headers["x-content-type-options"] == "nosniff"
            and "frame-ancestors 'none'" in headers["content-security-policy"]
        )
    assert "default-src 'none'" in client.get("/info/").headers["content-security-policy"]
    assert client.get("/info/").headers["cache-control"] == "no-store"


def test_a_thousand_requests_at_once_lose_no_answer(serve):
    client = serve(max_requests="8")
    with ThreadPoolExecutor(32) as threads:
        statuses = list(threads.map(lambda _: client.get("/info/").status_code, range(1000)))
    assert set(statuses) <= {200, 429} and statuses.count(200) > 8
