"""C-STORE into a real Orthanc and DCMTK's storescp."""

import socket
import subprocess

import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless

from mammoseg.dicomweb.fetch import fetch_studies
from mammoseg.dicomweb.stored import StoreStatus
from mammoseg.dimse import Peer, c_store
from mammoseg.errors import WrongCallError
from tests.conftest import _debian_tool
from tests.dicomweb.made_study import write_seg, write_view
from tests.orthanc import instances_in
from tests.waiting import wait_until


@pytest.fixture
def storescp(tmp_path):
    """DCMTK's receiver of the title STORESCP, which takes uncompressed data only: (peer, folder)."""
    program = _debian_tool("storescp", "dcmtk")
    folder = tmp_path / "received"
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [program, "--output-directory", str(folder), str(port)], stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: _listens(port), "storescp listens", process=process)
        yield Peer("STORESCP", "127.0.0.1", port), folder
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


def test_storescp_gets_the_same_data_sets_and_compressed_ones_are_not_transcoded_for_it(storescp, tmp_path):
    peer, folder = storescp
    plain, packed, seg = (
        write_view(tmp_path),
        write_view(tmp_path, 1, transfer_syntax=JPEG2000Lossless),
        write_seg(tmp_path),
    )
    stored = c_store([plain, packed, seg], peer)
    assert [result.ok for result in stored] == [True, False, True]
    assert "does not take Digital Mammography" in stored[1].reason
    assert "JPEG 2000" in stored[1].reason
    received = {data.SOPInstanceUID: data for data in map(pydicom.dcmread, folder.iterdir())}
    assert len(received) == 2
    for path in (plain, seg):
        sent = pydicom.dcmread(path)
        assert received[sent.SOPInstanceUID] == sent


def test_nobody_there_is_one_clear_sentence(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        peer = Peer("NOBODY", "127.0.0.1", free.getsockname()[1])
        (stored,) = c_store([write_view(tmp_path)], peer, timeout=2)
    assert stored.code == "E_ARCHIVE"
    assert stored.reason.endswith("cannot be reached.")


@pytest.mark.parametrize(
    "address", ["dicom://host:104", "dicom://AET@host", "dicom://A B@host:1", "dicom://A@host:99999"]
)
def test_address_that_is_none_is_a_wrong_call(address):
    with pytest.raises(WrongCallError, match="dicom://AET@host:port"):
        Peer.from_address(address)
