"""An archive that fails or lies: a bounded number of attempts with the same UIDs, then one clear sentence."""

import socket
import struct
from itertools import chain, repeat
from urllib.parse import parse_qs, urlsplit

import pydicom
import pytest

from mammoseg.archives.dicomweb import client as client_module
from mammoseg.archives.dicomweb import deadline
from mammoseg.archives.dicomweb import fetch as fetch_module
from mammoseg.archives.dicomweb.client import ArchiveError, Instance
from mammoseg.archives.dicomweb.fetch import fetch, find_mammograms, list_results
from mammoseg.archives.dicomweb.retrieve import is_whole
from mammoseg.archives.dicomweb.store import store
from mammoseg.archives.dicomweb.stored import StoreStatus
from mammoseg.dicom.quiet import no_header_values_in_warnings
from tests.archives.fake_archive import dicom_json, fake_archive
from tests.archives.made_study import write_view
from tests.waiting import PATIENCE_SECONDS, wait_until

ATTEMPTS = 3
HERE = Instance("1.2.3", "1.2.4", "1.2.5")
MULTIPART = 'multipart/related; type="application/dicom"; boundary=edge'
OPENING = b"--edge\r\nContent-Type: application/dicom\r\n\r\n"


def error_500(request):
    request.reply(500, b"Cannot write to file")


def empty_200(request):
    request.reply(200)


def hang(request):
    request.never_reply()


def reset(request):
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.rfile.close()  # which holds the socket open
    request.connection.close()
    request.close_connection = True


def half(request):
    """Promise more than comes."""
    request.send_response(200)
    request.send_header("Content-Type", MULTIPART)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    request.wfile.write(OPENING + b"x" * 1000)
    request.close_connection = True


def half_multipart(request):
    request.reply(200, OPENING + b"x" * 1000, MULTIPART)


def html(request):
    request.reply(200, b"<html>Please log in</html>", "text/html")


def patience_with(fault):
    """Seconds that a client waits for the answer: short for one that never comes, else as long as it takes."""
    return 0.2 if fault is hang else PATIENCE_SECONDS


def came(server, count):
    """Wait until so many requests have reached the server; a client that gave up may be faster."""
    wait_until(lambda: len(server.requests) >= count, f"{count} requests")
    return len(server.requests) == count


PASSING = {
    error_500: "answers HTTP 500",
    empty_200: "answers HTTP 200 with nothing in it",
    hang: "does not answer in time",
    reset: "drops the connection",
    half: "breaks off its answer",
}


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.__name__)
def test_search_is_tried_again_and_then_given_up(fault):
    with fake_archive(fault, patience=patience_with(fault)) as (archive, server):
        with pytest.raises(ArchiveError, match=PASSING[fault]):
            find_mammograms(archive)
        assert came(server, ATTEMPTS)


@pytest.mark.parametrize("fault", [error_500, hang, reset, half, half_multipart], ids=lambda fault: fault.__name__)
def test_fetch_is_tried_again_and_leaves_nothing_half_written(fault, tmp_path):
    with fake_archive(fault, patience=patience_with(fault)) as (archive, server):
        with pytest.raises(ArchiveError, match="0 of 1 image came"):
            fetch(archive, [HERE], tmp_path)
        assert came(server, ATTEMPTS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.__name__)
def test_store_is_tried_again_with_the_same_bytes_and_the_rest_is_not_sent(fault, tmp_path, monkeypatch):
    monkeypatch.setattr("mammoseg.archives.dicomweb.store.BATCH_FILES", 1)

    def not_there(request):
        if request.command == "POST":
            return fault(request)
        archive.session.timeout = (PATIENCE_SECONDS, patience_with(fault))  # of the store that comes next
        return request.reply(404)

    files = [write_view(tmp_path, number) for number in range(2)]
    with fake_archive(not_there) as (archive, server):
        stored = store(files, archive)
        assert came(server, 1 + ATTEMPTS)
    assert [result.code for result in stored] == ["E_ARCHIVE"] * 2
    assert PASSING[fault] in stored[0].reason
    assert [result.has_answer for result in stored] == [False, False]
    sent = [request.body.split(b"\r\n\r\n", 1)[1][:-40] for request in server.requests if request.command == "POST"]
    assert len(sent) == ATTEMPTS
    assert set(sent) == {files[0].read_bytes() + b"\r\n--"[: len(sent[0]) - files[0].stat().st_size]}


@pytest.mark.parametrize("status", [404, 405, 501])
def test_store_to_a_page_that_takes_none_is_given_up_at_once(status, tmp_path, monkeypatch):
    monkeypatch.setattr("mammoseg.archives.dicomweb.store.BATCH_FILES", 1)
    files = [write_view(tmp_path, number) for number in range(2)]
    with fake_archive(lambda request: request.reply(404 if request.command == "GET" else status)) as (archive, server):
        stored = store(files, archive)
    assert [f"stores nothing at this address (HTTP {status})" in result.reason for result in stored] == [True, True]
    assert [request.command for request in server.requests] == ["GET", "POST"]


@pytest.mark.parametrize(("status", "attempts"), [(405, 1), (501, 1), (505, 1), (429, 3), (502, 3), (503, 3), (504, 3)])
def test_only_what_may_pass_is_asked_for_again(status, attempts, tmp_path):
    with fake_archive(lambda request: request.reply(status)) as (archive, server):
        with pytest.raises(ArchiveError, match=f"HTTP {status}"):
            find_mammograms(archive)
        assert len(server.requests) == attempts
        with pytest.raises(ArchiveError, match=f"HTTP {status}"):
            fetch(archive, [HERE], tmp_path)
    assert len(server.requests) == 2 * attempts


def drip_body(request):
    request.send_response(200)
    request.send_header("Content-Type", MULTIPART)
    request.send_header("Content-Length", str(2**40))
    request.end_headers()
    drip(request, b"-")


def drip_chunk_size(request):
    request.send_response(200)
    request.send_header("Content-Type", MULTIPART)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    drip(request, b"0")


def drip_body_of_unsaid_length(request):
    request.send_response(200)
    request.send_header("Content-Type", MULTIPART)
    request.send_header("Connection", "close")
    request.end_headers()
    drip(request, b"-")


def drip_headers(request):
    drip(request, b"HTTP/1.1 200 OK\r\n", b"a")


def continue_for_ever(request):
    drip(request, b"HTTP/1.1 100 Continue\r\n\r\n")


def drip(request, *pieces):
    for piece in chain(pieces, repeat(pieces[-1])):
        if request.server.ended.wait(0.03):
            return
        request.wfile.write(piece)


@pytest.mark.parametrize(
    "slow", [drip_body, drip_chunk_size, drip_body_of_unsaid_length, drip_headers, continue_for_ever]
)
def test_archive_that_sends_a_byte_now_and_then_is_given_up(slow, tmp_path, monkeypatch):
    monkeypatch.setattr(deadline, "MOST_SECONDS", 0.2)
    with fake_archive(slow) as (archive, server):
        with pytest.raises(ArchiveError, match="sends too slowly"):
            fetch(archive, [HERE], tmp_path)
        with pytest.raises(ArchiveError, match="sends too slowly"):
            find_mammograms(archive)
        assert came(server, 2 * ATTEMPTS)
    assert list(tmp_path.iterdir()) == []


def test_search_answered_by_a_login_page_is_an_error_and_no_empty_list():
    with fake_archive(html) as (archive, _), pytest.raises(ArchiveError, match="no DICOM JSON"):
        find_mammograms(archive)


def test_store_answered_by_a_login_page_is_not_stored(tmp_path):
    with fake_archive(lambda request: request.reply(404) if request.command == "GET" else html(request)) as (
        archive,
        _,
    ):
        (stored,) = store([write_view(tmp_path)], archive)
    assert stored.status is StoreStatus.REFUSED
    assert "no DICOM JSON" in stored.reason


def test_store_answered_by_json_of_too_many_levels_is_not_stored(tmp_path):
    def nested(request) -> None:
        request.reply(404 if request.command == "GET" else 200, b"[" * 200_000)

    with fake_archive(nested) as (archive, _):
        (stored,) = store([write_view(tmp_path)], archive)
    assert "no DICOM JSON" in stored.reason


def test_a_file_whose_uid_cannot_be_read_is_not_whole(tmp_path):
    path = write_view(tmp_path)
    dataset = pydicom.dcmread(path)
    uid = dataset.SOPInstanceUID
    value = uid.encode() + b"\0" * (len(uid) % 2)
    element = b"\x08\x00\x18\x00UI" + struct.pack("<H", len(value)) + value
    before, _, behind = path.read_bytes().partition(element)
    path.write_bytes(before + b"\x08\x00\x18\x00FD\x04\x00abcd" + behind)  # 8 bytes a number, and there are 4
    instance = Instance(dataset.StudyInstanceUID, dataset.SeriesInstanceUID, uid)
    assert not is_whole(path, instance)


def test_fetch_answered_by_a_login_page_is_refused(tmp_path):
    with fake_archive(html) as (archive, _), pytest.raises(ArchiveError, match="no DICOM"):
        fetch(archive, [HERE], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_archive_that_recovers_is_no_error(tmp_path):
    view = write_view(tmp_path)
    data = pydicom.dcmread(view)
    here = Instance(data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID)

    def recovers(request):
        if len(server.requests) < ATTEMPTS:
            return error_500(request)
        return request.reply(200, OPENING + view.read_bytes() + b"\r\n--edge--", MULTIPART)

    with fake_archive(recovers) as (archive, server):
        (fetched,) = fetch(archive, [here], tmp_path / "in")
    assert fetched.read_bytes() == view.read_bytes()


def test_another_instance_than_the_one_asked_for_is_refused(tmp_path):
    view = write_view(tmp_path)

    def other(request):
        request.reply(200, OPENING + view.read_bytes() + b"\r\n--edge--", MULTIPART)

    with fake_archive(other) as (archive, _), pytest.raises(ArchiveError, match="something else"):
        fetch(archive, [HERE], tmp_path / "in")
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("level", ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"])
def test_a_data_set_of_another_image_than_its_file_meta_names_is_refused(level, tmp_path):
    data = pydicom.dcmread(write_view(tmp_path))
    here = Instance(data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID)
    data[level].value = "1.2.3"
    data.save_as(tmp_path / "other.dcm")
    assert pydicom.dcmread(tmp_path / "other.dcm").file_meta.MediaStorageSOPInstanceUID == here.sop

    def other(request):
        request.reply(200, OPENING + (tmp_path / "other.dcm").read_bytes() + b"\r\n--edge--", MULTIPART)

    with fake_archive(other) as (archive, server), pytest.raises(ArchiveError, match="something else"):
        fetch(archive, [here], tmp_path / "in")
    assert len(server.requests) == 1 and list((tmp_path / "in").iterdir()) == []
    assert not is_whole(tmp_path / "other.dcm", here)


def test_instance_without_end_is_stopped(tmp_path):
    def huge(request):
        request.send_response(200)
        request.send_header("Content-Type", MULTIPART)
        request.end_headers()
        request.wfile.write(OPENING)
        while True:
            request.wfile.write(b"x" * 2**16)

    with fake_archive(huge) as (archive, _), pytest.raises(ArchiveError, match="more than 1 MiB"):
        fetch(archive, [HERE], tmp_path, most_bytes=2**20)
    assert list(tmp_path.iterdir()) == []


def test_search_answer_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(client_module, "MOST_ANSWER_BYTES", 2**20)

    def huge(request):
        request.reply(200, b"[" + b" " * 2**21)

    with fake_archive(huge) as (archive, _), pytest.raises(ArchiveError, match="longer than 1 MiB"):
        find_mammograms(archive)


def test_search_results_without_end_are_stopped(monkeypatch):
    monkeypatch.setattr(fetch_module, "MOST_RESULTS", 50)

    def endless(request):
        start = 10 * len(server.requests)
        request.reply_json([dicom_json(t0020000D=f"1.2.{start + number}") for number in range(10)])

    with fake_archive(endless) as (archive, server), pytest.raises(ArchiveError, match="more than 50"):
        find_mammograms(archive)


def test_archive_that_ignores_the_offset_ends_too():
    with fake_archive(lambda request: request.reply_json([dicom_json(t0020000D="1.2.3")])) as (archive, server):
        find_mammograms(archive)
    assert len(server.requests) < 10


@pytest.mark.parametrize("behind", ["nothing", "the same"])
def test_archive_that_does_not_know_the_offset_is_asked_for_more_at_once(monkeypatch, behind):
    monkeypatch.setattr(fetch_module, "PAGE", 2)
    studies = [dicom_json(t0020000D=f"1.2.{number}") for number in range(7)]

    def answer(request):
        query = parse_qs(urlsplit(request.path).query)
        is_first = query["offset"] == ["0"] or behind == "the same"
        request.reply_json(studies[: int(query["limit"][0])] if is_first else [])

    with fake_archive(answer) as (archive, _):
        found = list(list_results(archive, archive.client.search_for_studies, "0020000D"))
    assert found == studies


@pytest.mark.parametrize("uid", ["../../../../tmp/pwn", "..", "1.2/3", "1.2.03", "1" * 65, "1.2\n", "", 12, None])
def test_uid_that_could_be_a_path_is_left_out_and_never_asked_for(uid):
    def hostile(request):
        level = request.path.partition("?")[0].rsplit("/", 1)[-1]
        valid = {"studies": dicom_json(t0020000D="1.2"), "series": dicom_json(t0020000E="1.3", t00080060="MG")}
        bad = {
            "studies": dicom_json(t0020000D=uid),
            "series": dicom_json(t0020000E=uid, t00080060="MG"),
            "instances": dicom_json(t00080018=uid, t00081190="http://elsewhere.example/"),
        }
        request.reply_json([bad[level], *([valid[level]] if level in valid else [])])

    with fake_archive(hostile) as (archive, server):
        assert find_mammograms(archive) == []
    assert not any("pwn" in request.path or ".." in request.path for request in server.requests)


@pytest.mark.parametrize("answer", [[1], {"a": 1}, [[]], "text", [{"0020000D": 3}], [{"0020000D": {"Value": {}}}]])
def test_search_answer_of_another_form_finds_nothing_or_is_an_error(answer):
    with fake_archive(lambda request: request.reply_json(answer)) as (archive, _):
        try:
            assert find_mammograms(archive) == []
        except ArchiveError as error:
            assert "no DICOM JSON" in str(error)


def test_redirect_is_not_followed():
    def redirect(request):
        request.send_response(302)
        request.send_header("Location", "http://127.0.0.1:1/")
        request.send_header("Content-Length", "0")
        request.end_headers()

    with fake_archive(redirect) as (archive, server), pytest.raises(ArchiveError, match="redirects"):
        find_mammograms(archive)
    assert len(server.requests) == 1


def answer_to_store(request, referenced=(), failed=(), status=200):
    """Name instances as stored, and ``(uid, reason)`` as failed."""
    if request.command == "GET":
        return request.reply(404)
    done = [dicom_json(t00081155=uid) for uid in referenced]
    not_done = [dicom_json(t00081155=uid, t00081197=reason) for uid, reason in failed]
    return request.reply_json({"00081199": {"Value": done}, "00081198": {"Value": not_done}}, status)


def test_each_instance_has_its_own_outcome(tmp_path):
    files = [write_view(tmp_path, number) for number in range(3)]
    first, second, _ = (pydicom.dcmread(path).SOPInstanceUID for path in files)

    def partly(request):
        answer_to_store(request, [first], [(second, 0xA700)], 202)

    with fake_archive(partly) as (archive, _):
        stored = store(files, archive)
    assert [result.status.value for result in stored] == ["stored", "refused", "refused"]
    assert "no room left (status A700)" in stored[1].reason
    assert "does not say that it stored it" in stored[2].reason


@pytest.mark.parametrize("reason", [0xA700, str(0xA700), float(0xA700)])
def test_the_number_of_a_refusal_may_come_as_text_or_with_a_point(tmp_path, reason):
    files = [write_view(tmp_path, number) for number in range(2)]
    first, second = (pydicom.dcmread(path).SOPInstanceUID for path in files)
    with fake_archive(lambda r: answer_to_store(r, [first], [(second, reason)])) as (archive, _):
        stored, refused = store(files, archive)
    assert stored.ok and "no room left (status A700)" in refused.reason


@pytest.mark.parametrize("reason", [0, "full", 272.5, 2**16, None, [272]])
def test_a_refusal_without_a_number_of_one_is_an_error_and_not_stored(tmp_path, reason):
    path = write_view(tmp_path)
    uid = pydicom.dcmread(path).SOPInstanceUID
    with fake_archive(lambda r: answer_to_store(r, failed=[(uid, reason)])) as (archive, _):
        (refused,) = store([path], archive)
    assert refused.code == "E_ARCHIVE" and "no DICOM JSON" in refused.reason


def test_file_that_makes_an_archive_refuse_a_request_does_not_take_others_along(tmp_path):
    files = [write_view(tmp_path, number) for number in range(3)]
    bad, *good = (pydicom.dcmread(path).SOPInstanceUID for path in files)

    def all_or_nothing(request):
        is_bad = bad.encode() in request.body
        answer_to_store(request, [] if is_bad else good, status=400 if is_bad else 200)

    with fake_archive(all_or_nothing) as (archive, _):
        assert [result.ok for result in store(files, archive)] == [False, True, True]


@pytest.mark.parametrize(("held", "code"), [(0, ""), (1, "E_DUPLICATE_UID")])
def test_instance_that_came_meanwhile_is_compared(tmp_path, held, code):
    views = [write_view(tmp_path, number) for number in range(2)]
    uid = pydicom.dcmread(views[0]).SOPInstanceUID
    other = pydicom.dcmread(views[1])
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = uid
    other.save_as(views[1])

    def comes_meanwhile(request):
        if request.command == "GET" and len(server.requests) > 1:
            return request.reply(200, OPENING + views[held].read_bytes() + b"\r\n--edge--", MULTIPART)
        return answer_to_store(request, failed=[(uid, 0x0111)], status=409)

    with fake_archive(comes_meanwhile) as (archive, server):
        (stored,) = store(views[:1], archive)
    assert stored.code == code


def test_archive_that_says_stored_and_has_nothing_fails_verification(tmp_path):
    view = write_view(tmp_path)
    uid = pydicom.dcmread(view).SOPInstanceUID
    with fake_archive(lambda request: answer_to_store(request, [uid])) as (archive, _):
        assert store([view], archive)[0].ok
        assert "does not give the same content back" in store([view], archive, verify=True)[0].reason


@pytest.mark.parametrize("uid", ["../../../../tmp/pwn", "1.02", ""])
def test_file_with_a_uid_that_is_none_is_not_sent(tmp_path, uid):
    data = pydicom.dcmread(write_view(tmp_path))
    with no_header_values_in_warnings():
        data.StudyInstanceUID = uid
    with fake_archive(empty_200) as (archive, server):
        (stored,) = store([data], archive)
    assert stored.code == "E_DICOM_UID"
    assert server.requests == []


def test_file_that_is_no_sound_dicom_is_not_sent(tmp_path):
    view = write_view(tmp_path)
    view.write_bytes(view.read_bytes()[:-100])
    with fake_archive(empty_200) as (archive, server):
        (stored,) = store([view], archive)
    assert stored.code == "E_TRUNCATED"
    assert server.requests == []
