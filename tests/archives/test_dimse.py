"""C-STORE into a real Orthanc and DCMTK's storescp."""

import socket
import subprocess
from contextlib import contextmanager

import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from mammoseg.archives import dimse
from mammoseg.archives.dicomweb.fetch import fetch_studies
from mammoseg.archives.dicomweb.stored import StoreStatus
from mammoseg.archives.dimse import Peer, c_store
from mammoseg.errors import WrongCallError
from tests.archives.made_study import write_seg, write_view
from tests.conftest import _debian_tool
from tests.orthanc import instances_in
from tests.waiting import wait_until


@contextmanager
def storescp(tmp_path, *options):
    """DCMTK's receiver of the title STORESCP, which takes uncompressed data only unless told more: (peer, folder)."""
    program = _debian_tool("storescp", "dcmtk")
    folder = tmp_path / "received"
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, *options, "--output-directory", str(folder), str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _listens(port), "storescp listens", process=process)
            yield Peer("STORESCP", "127.0.0.1", port), folder
        finally:
            process.terminate()


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_orthanc_gets_the_same_data_sets(orthanc, tmp_path):
    files = [write_view(tmp_path), write_view(tmp_path, 1, transfer_syntax=JPEG2000Lossless), write_seg(tmp_path)]
    stored = c_store(files, Peer("ORTHANC", "127.0.0.1", orthanc.dicom_port))
    assert [result.status for result in stored] == [StoreStatus.STORED] * 3
    assert instances_in(orthanc) == 3
    fetched = map(pydicom.dcmread, fetch_studies(orthanc.dicomweb, tmp_path / "in"))
    by_uid = {got.SOPInstanceUID: got for got in fetched}
    for path in files[:2]:
        sent = pydicom.dcmread(path)
        got = by_uid[sent.SOPInstanceUID]
        assert got == sent
        assert got.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID


def with_private_elements(path):
    """The same file with elements of which no dictionary knows the value representation."""
    data = pydicom.dcmread(path)
    block = data.private_block(0x0019, "MADE BY A TEST", create=True)
    block.add_new(1, "US", 7)
    block.add_new(2, "FD", 0.5)
    data.save_as(path)
    return path


def deflated(path):
    """The same file with its data set deflated, PS3.5 A.5."""
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.save_as(path)
    return path


@pytest.mark.parametrize(
    ("options", "syntax"), [([], ExplicitVRLittleEndian), (["--implicit"], ImplicitVRLittleEndian)]
)
def test_what_is_not_compressed_is_written_in_a_syntax_that_the_archive_takes(tmp_path, options, syntax):
    files = [
        write_seg(tmp_path),
        with_private_elements(write_view(tmp_path)),
        write_view(tmp_path, 1, transfer_syntax=ImplicitVRLittleEndian),
        deflated(write_view(tmp_path, 2)),
    ]
    with storescp(tmp_path, *options) as (peer, folder):
        stored = c_store(files, peer)
    assert [result.reason for result in stored] == [""] * 4
    received = {data.SOPInstanceUID: data for data in map(pydicom.dcmread, folder.iterdir())}
    assert received[stored[0].sop_instance_uid].file_meta.TransferSyntaxUID == syntax
    for path, result in zip(files, stored, strict=True):
        assert in_implicit_vr(received[result.sop_instance_uid]) == in_implicit_vr(pydicom.dcmread(path))


def in_implicit_vr(dataset):
    """All elements and values, without the value representations, which that syntax does not write."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def test_an_archive_of_implicit_vr_alone_is_said_not_to_take_what_is_compressed(tmp_path):
    with storescp(tmp_path, "--implicit") as (peer, folder):
        (stored,) = c_store([write_view(tmp_path, transfer_syntax=JPEG2000Lossless)], peer)
    assert "does not take Digital Mammography" in stored.reason
    assert list(folder.iterdir()) == []


def test_storescp_gets_the_same_data_sets_and_compressed_ones_are_not_transcoded_for_it(tmp_path):
    plain, packed, seg = (
        write_view(tmp_path),
        write_view(tmp_path, 1, transfer_syntax=JPEG2000Lossless),
        write_seg(tmp_path),
    )
    with storescp(tmp_path) as (peer, folder):
        stored = c_store([plain, packed, seg], peer)
    assert [result.ok for result in stored] == [True, False, True]
    assert "does not take Digital Mammography" in stored[1].reason
    assert "JPEG 2000" in stored[1].reason
    received = {data.SOPInstanceUID: data for data in map(pydicom.dcmread, folder.iterdir())}
    assert len(received) == 2
    for path in (plain, seg):
        sent = pydicom.dcmread(path)
        assert received[sent.SOPInstanceUID] == sent


def without_class_in_its_head(path):
    """The same file without Media Storage SOP Class UID."""
    data = pydicom.dcmread(path)
    del data.file_meta.MediaStorageSOPClassUID
    data.save_as(path, enforce_file_format=False)
    return path


def test_a_file_that_cannot_be_sent_is_refused_and_the_others_go(tmp_path, monkeypatch):
    sound, classless, gone = (write_view(tmp_path, number) for number in range(3))
    without_class_in_its_head(classless)

    def go(association, peer):
        gone.unlink()
        return ""

    monkeypatch.setattr(dimse, "_say_why_not", go)
    with storescp(tmp_path) as (peer, folder):
        stored = c_store([gone, classless, sound], peer)
    assert [result.code for result in stored] == ["E_NOT_A_FILE", "E_DICOM_UID", ""]
    assert len(list(folder.iterdir())) == 1


def test_nobody_there_is_one_clear_sentence(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        peer = Peer("NOBODY", "127.0.0.1", free.getsockname()[1])
        (stored,) = c_store([write_view(tmp_path)], peer, timeout=2)
    assert stored.code == "E_ARCHIVE"
    assert stored.reason.endswith("cannot be reached.")
    assert not stored.has_answer


@pytest.mark.parametrize(
    "address", ["dicom://host:104", "dicom://AET@host", "dicom://A B@host:1", "dicom://A@host:99999"]
)
def test_address_that_is_none_is_a_wrong_call(address):
    with pytest.raises(WrongCallError, match="dicom://AET@host:port"):
        Peer.from_address(address)
