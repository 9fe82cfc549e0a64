"""The archive on loopback is talked to directly."""

from pathlib import Path

from mammoseg.viewer.archive import LocalArchive
from mammoseg.viewer.label_sources import check_listed
from mammoseg.viewer.server import serving
from tests.archives.fake_archive import FakeServer


def answer(request):
    """As Orthanc and the label server do."""
    study = {"ParentStudy": "a", "MainDicomTags": {"StudyInstanceUID": "1.2"}}
    request.reply_json(study | {"datastore": {"total": 1}})


def test_neither_archive_nor_label_server_is_asked_through_the_proxy_of_the_environment(tmp_path, dead_proxy):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"bytes")
    with serving(FakeServer(answer)) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        assert LocalArchive(url, ("me", "word"), 0).store(path) == "1.2"
        check_listed(url, Path("folder"))
    assert [request.body for request in server.requests] == [b"bytes", b"", b""]
