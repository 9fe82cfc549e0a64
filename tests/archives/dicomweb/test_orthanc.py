"""Finding, fetching and storing against a real Orthanc with a password."""

import os
import signal

import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless

from mammoseg.archives.dicomweb import fetch as fetch_module
from mammoseg.archives.dicomweb.client import ArchiveError, connect
from mammoseg.archives.dicomweb.fetch import fetch, fetch_studies, find_mammograms
from mammoseg.archives.dicomweb.store import store, store_files
from mammoseg.archives.dicomweb.stored import StoreStatus
from mammoseg.errors import NothingUsableError, WrongCallError
from mammoseg.viewer.archive import local_archive
from tests.archives.made_study import write_seg, write_view
from tests.orthanc import instances_in


def statuses(stored):
    return [result.status for result in stored]


def test_what_was_stored_comes_back_byte_for_byte_and_a_seg_is_no_mammogram(orthanc, tmp_path):
    seg = write_seg(tmp_path)
    stored = store_files(orthanc.dicomweb, [tmp_path / "source.dcm", seg], verify=True)
    assert statuses(stored) == [StoreStatus.STORED] * 2
    assert all(result.verified for result in stored)

    (fetched,) = fetch_studies(orthanc.dicomweb, tmp_path / "in")
    assert fetched.read_bytes() == (tmp_path / "source.dcm").read_bytes()
    assert pydicom.dcmread(fetched).SOPInstanceUID not in fetched.name
    (fetched,) = fetch_studies(orthanc.dicomweb, tmp_path / "in", modalities="SEG")
    assert fetched.read_bytes() == seg.read_bytes()


def test_compressed_pixels_come_back_as_they_are(orthanc, tmp_path):
    view = write_view(tmp_path, transfer_syntax=JPEG2000Lossless)
    store_files(orthanc.dicomweb, [view])
    (fetched,) = fetch_studies(orthanc.dicomweb, tmp_path / "in")
    assert fetched.read_bytes() == view.read_bytes()


def test_storing_again_sends_nothing(orthanc, tmp_path):
    files = [write_view(tmp_path, number) for number in range(2)]
    store_files(orthanc.dicomweb, files)
    assert statuses(store_files(orthanc.dicomweb, files)) == [StoreStatus.KEPT] * 2
    assert instances_in(orthanc) == 2


def test_another_time_of_writing_is_no_other_content(orthanc, tmp_path):
    view = write_view(tmp_path)
    store_files(orthanc.dicomweb, [view])
    later = pydicom.dcmread(view)
    later.InstanceCreationTime = "235959"
    assert statuses(store([later], connect(orthanc.dicomweb))) == [StoreStatus.KEPT]


def test_other_content_under_one_uid_is_refused_in_one_request_and_in_two(orthanc, tmp_path):
    view, other = write_view(tmp_path), tmp_path / "other.dcm"
    changed = pydicom.dcmread(view)
    changed.SeriesDescription = "changed"
    changed.save_as(other)
    first = store_files(orthanc.dicomweb, [view, other])
    assert statuses(first) == [StoreStatus.STORED, StoreStatus.REFUSED]
    (second,) = store_files(orthanc.dicomweb, [other])
    assert second.code == first[1].code == "E_DUPLICATE_UID"
    (kept,) = fetch_studies(orthanc.dicomweb, tmp_path / "in")
    assert kept.read_bytes() == view.read_bytes()


def test_why_nothing_was_found_is_said(orthanc, tmp_path):
    address = orthanc.dicomweb
    with pytest.raises(NothingUsableError, match="has no study that fits the whole archive"):
        fetch_studies(address, tmp_path / "in")
    store_files(address, [write_view(tmp_path)])
    with pytest.raises(NothingUsableError, match="has no study that fits --study and --date"):
        fetch_studies(address, tmp_path / "in", study="1.2.3", date="20240101-")
    study = pydicom.dcmread(tmp_path / "view0.dcm").StudyInstanceUID
    with pytest.raises(NothingUsableError, match="studies that fit --study, but none with a series of CR,SC;") as said:
        fetch_studies(address, tmp_path / "in", study=study, modalities=("CR", "SC"))
    assert study not in str(said.value)


def test_search_is_by_study_patient_and_date(orthanc, tmp_path):
    first = write_view(tmp_path, 1, patient_id="ONE")
    second = write_view(tmp_path, 2, patient_id="TWO", attributes={"StudyDate": "20210203"})
    store_files(orthanc.dicomweb, [first, second])
    archive = connect(orthanc.dicomweb)
    one, two = (pydicom.dcmread(path).SOPInstanceUID for path in (first, second))

    def found(**filters):
        return {instance.sop for instance in find_mammograms(archive, **filters)}

    assert found() == found(modalities="MG,CR") == {one, two}
    assert found(patient="ONE") == {one}
    assert found(date="20210101-") == found(date=20210203) == {two}
    assert found(study=pydicom.dcmread(first).StudyInstanceUID) == {one}
    assert found(patient="NOBODY") == found(modalities=("CR",)) == set()


@pytest.mark.parametrize("studies", [1, 5])
def test_pages_are_turned_to_the_end(orthanc, tmp_path, monkeypatch, studies):
    monkeypatch.setattr(fetch_module, "PAGE", 2)
    views = [write_view(tmp_path, number, study=str(number % studies)) for number in range(5)]
    store_files(orthanc.dicomweb, views)
    assert len(find_mammograms(connect(orthanc.dicomweb))) == 5


def test_fetch_goes_on_where_it_ended(orthanc, tmp_path):
    store_files(orthanc.dicomweb, [write_view(tmp_path, number) for number in range(3)])
    archive = connect(orthanc.dicomweb)
    found = find_mammograms(archive)
    kept, cut, gone = fetch(archive, found, tmp_path / "in")
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-10])
    gone.unlink()
    before = kept.stat().st_mtime_ns
    assert fetch(archive, found, tmp_path / "in") == [kept, cut, gone]
    assert kept.stat().st_mtime_ns == before
    assert cut.read_bytes() == whole


def test_file_that_ends_orthanc_is_not_sent_to_it(orthanc, tmp_path):
    bomb, sound = write_view(tmp_path, 1), write_view(tmp_path, 2)
    data = pydicom.dcmread(bomb)
    item = pydicom.Dataset()
    for _ in range(60):
        outer = pydicom.Dataset()
        outer.ViewCodeSequence = [item]
        item = outer
    data.ViewCodeSequence = [item]
    data.save_as(bomb)
    stored = store_files(orthanc.dicomweb, [bomb, sound])
    assert [result.code for result in stored] == ["E_NESTING", ""]


@pytest.mark.parametrize("secret", ["wrong-secret", None])
def test_wrong_or_missing_password_is_said_and_not_shown(orthanc, tmp_path, monkeypatch, secret):
    address = orthanc.dicomweb
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    if secret is None:
        monkeypatch.delenv("MAMMOSEG_DICOMWEB_PASSWORD")
        address = f"{orthanc.url}/dicom-web"
    else:
        monkeypatch.setenv("MAMMOSEG_DICOMWEB_PASSWORD", secret)
    with pytest.raises(WrongCallError, match="refuses the user or the password") as refused:
        store_files(address, [write_view(tmp_path)])
    assert "wrong-secret" not in str(refused.value)
    with pytest.raises(WrongCallError, match="HTTP 401"):
        fetch_studies(address, tmp_path / "in")


def test_password_may_stand_in_netrc(orthanc, tmp_path, monkeypatch):
    monkeypatch.delenv("MAMMOSEG_DICOMWEB_PASSWORD")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {orthanc.user[0]} password {orthanc.user[1]}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for address in (orthanc.dicomweb, f"{orthanc.url}/dicom-web"):
        assert find_mammograms(connect(address)) == []


def test_killed_archive_is_one_clear_sentence_and_what_came_before_is_kept(tmp_path, monkeypatch):
    files = [write_view(tmp_path, number) for number in range(3)]
    with local_archive() as orthanc:
        monkeypatch.setenv("MAMMOSEG_DICOMWEB_PASSWORD", orthanc.user[1])
        archive = connect(orthanc.dicomweb, waits=[0.01, 0.01])
        store(files[:2], archive)
        found = find_mammograms(archive)
        (first,) = fetch(archive, found[:1], tmp_path / "in")
        os.kill(orthanc.process_id, signal.SIGKILL)
        with pytest.raises(ArchiveError, match="cannot be reached .* in 3 attempts. 1 of 2 images came"):
            fetch(archive, found, tmp_path / "in")
        (stored,) = store(files[2:], archive)
    assert stored.code == "E_ARCHIVE"
    assert "cannot be reached" in stored.reason
    assert list((tmp_path / "in").iterdir()) == [first]
