"""The address of an archive and its credentials: nothing secret in arguments, messages or a foreign host's ears."""

import logging
import subprocess
from inspect import signature

import certifi
import pytest

from mammoseg.archives.dicomweb.client import ArchiveError, connect
from mammoseg.archives.dicomweb.fetch import Search, find_mammograms
from mammoseg.archives.dicomweb.multipart import MultipartError, encode_parts, parse_boundary, read_only_part
from mammoseg.errors import WrongCallError
from tests.archives.fake_archive import fake_archive


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch, tmp_path):
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    for name in ("MAMMOSEG_DICOMWEB_PASSWORD", "MAMMOSEG_DICOMWEB_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("address", ["", "pacs", "ftp://pacs/x", "http://", "https://pacs/x?a=b", "file:///etc/passwd"])
def test_address_that_is_none_is_a_wrong_call(address):
    with pytest.raises(WrongCallError, match="http:// or https://"):
        connect(address)


def test_a_search_has_what_the_function_takes_that_searches():
    assert [*Search.__annotations__] == [*signature(find_mammograms).parameters][1:]


def test_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(WrongCallError, match="MAMMOSEG_DICOMWEB_PASSWORD") as refused:
        connect("https://me:hunter2@pacs/dicom-web")
    assert "hunter2" not in str(refused.value)


def test_user_without_password_is_a_wrong_call():
    with pytest.raises(WrongCallError, match="no password"):
        connect("https://me@pacs/dicom-web")


def test_ca_bundle_must_be_a_file(tmp_path):
    with pytest.raises(WrongCallError, match="no file"):
        connect("https://pacs/dicom-web", ca_bundle=tmp_path / "ca.pem")


def test_certificate_is_verified_and_another_authority_is_named_by_its_file(tmp_path, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    pem = tmp_path / "archive.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=test -days 1"
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(pem), "-out", str(tmp_path / "certificate.pem")]
    subprocess.run([*make.split(), *named], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "certificate.pem").read_text())

    def nothing(request):
        request.reply_json([])

    with fake_archive(nothing, certificate=pem) as (archive, server), pytest.raises(ArchiveError, match="certificate"):
        find_mammograms(archive)
    assert server.requests == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())  # of the machine, which the option outranks
    with fake_archive(nothing, certificate=pem, ca_bundle=tmp_path / "certificate.pem") as (archive, _):
        assert find_mammograms(archive) == []


def test_no_proxy_of_the_environment_is_asked_for_an_archive_on_this_machine(dead_proxy):
    with fake_archive(lambda request: request.reply_json([])) as (archive, _):
        assert find_mammograms(archive) == []


def test_token_is_sent_and_in_no_log(monkeypatch, caplog):
    monkeypatch.setenv("MAMMOSEG_DICOMWEB_TOKEN", "hunter2")
    caplog.set_level(logging.DEBUG)
    with fake_archive(lambda request: request.reply_json([])) as (archive, server):
        find_mammograms(archive)
    assert server.requests[0].headers["Authorization"] == "Bearer hunter2"
    assert "hunter2" not in caplog.text


def test_host_is_named_with_its_port_so_that_addresses_of_the_archive_can_be_right():
    with fake_archive(lambda request: request.reply_json([])) as (archive, server):
        find_mammograms(archive)
    assert server.requests[0].headers["Host"] == archive.name == f"127.0.0.1:{server.server_port}"


def test_patient_searched_for_is_in_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    with fake_archive(lambda request: request.reply_json([])) as (archive, server):
        find_mammograms(archive, patient="SECRET-ID")
    assert "SECRET-ID" in server.requests[0].path
    assert "SECRET-ID" not in caplog.text


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_part_is_found_whatever_the_pieces_in_which_it_comes(size):
    content = b"\r\n--edg\r\n\r\nwhat looks like an end\r\n"
    body, content_type = encode_parts([content])
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert b"".join(read_only_part(pieces, parse_boundary(content_type))) == content


@pytest.mark.parametrize("size", [1, 1000])
def test_message_of_two_parts_and_one_cut_anywhere_is_an_error(size):
    two, content_type = encode_parts([b"first", b"second"])
    one, boundary = encode_parts([b"first"])[0], parse_boundary(content_type)
    with pytest.raises(MultipartError, match="several"):
        list(read_only_part([two[start : start + size] for start in range(0, len(two), size)], boundary))
    boundary = one[2:34]
    for end in range(len(one) - 4):
        with pytest.raises(MultipartError, match="breaks off"):
            list(read_only_part([one[start : min(start + size, end)] for start in range(0, end, size)], boundary))
