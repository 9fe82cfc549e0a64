"""`mammoseg send`: what it finds, what it says, how it ends."""

import json
import logging

import pytest
import requests

from mammoseg.archives.dimse import Peer
from mammoseg.archives.send import PartlySentError, send
from mammoseg.cli import main
from mammoseg.errors import NothingUsableError, WrongCallError
from tests.archives.made_study import write_seg, write_view
from tests.orthanc import instances_in


def test_folder_of_results_is_sent_and_pictures_and_tables_stay(orthanc, tmp_path, capsys, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    results = tmp_path / "results"
    results.mkdir()
    seg = write_seg(results)
    (results / "view.overlay.png").write_bytes(b"\x89PNG")
    (results / "results.csv").write_text("file\n")
    command = ["mammoseg", "send", str(results), "--to", orthanc.dicomweb, "--json", "--verify"]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    said = capsys.readouterr()
    records = [json.loads(line) for line in said.out.splitlines()]
    assert {record["file"]: record["status"] for record in records} == {
        str(results / "source.dcm"): "stored",
        str(seg): "stored",
    }
    assert all(record["verified"] for record in records)
    assert said.err.endswith("2 stored, 0 there already, 0 refused.\n")
    assert instances_in(orthanc) == 2
    assert "CANARY" not in said.out + said.err + caplog.text  # name and ID of the patient


def test_c_store_is_by_the_scheme_of_the_address(orthanc, tmp_path, capsys):
    send(write_view(tmp_path), to=f"dicom://ORTHANC@127.0.0.1:{orthanc.dicom_port}", calling_aet="TESTER")
    assert capsys.readouterr().err.endswith("1 stored, 0 there already, 0 refused.\n")
    assert instances_in(orthanc) == 1


def test_some_refused_is_another_end_than_all_refused(orthanc, tmp_path, capsys):
    view, broken = write_view(tmp_path), tmp_path / "broken.dcm"
    broken.write_bytes(view.read_bytes()[:-100])
    with pytest.raises(PartlySentError, match="1 stored, 0 there already, 1 refused"):
        send(view, broken, to=orthanc.dicomweb)
    assert f"{broken}: E_TRUNCATED: " in capsys.readouterr().err
    with pytest.raises(NothingUsableError, match="1 refused"):
        send(broken, to=orthanc.dicomweb)
    assert (PartlySentError.exit_code, NothingUsableError.exit_code) == (1, 3)


@pytest.mark.parametrize("to", ["pacs", "ftp://pacs", "dicom://pacs", "https://me:hunter2@pacs/x", 5])
def test_address_that_is_none_is_a_wrong_call_before_anything_is_sent(tmp_path, monkeypatch, to):
    monkeypatch.setattr(requests.Session, "request", None)
    with pytest.raises(WrongCallError) as refused:
        send(write_view(tmp_path), to=to)
    assert "hunter2" not in str(refused.value)


def test_nothing_to_send_is_said(tmp_path):
    with pytest.raises(NothingUsableError, match="no DICOM file"):
        send(tmp_path, to="https://pacs/dicom-web")
    with pytest.raises(WrongCallError, match="no file is named"):
        send(to="https://pacs/dicom-web")


def test_title_of_our_own_is_checked(tmp_path):
    with pytest.raises(WrongCallError, match="calling_aet"):
        send(write_view(tmp_path), to="dicom://A@127.0.0.1:1", calling_aet="longer than sixteen")
    assert str(Peer.from_address("dicom://A@127.0.0.1:1")) == "A at 127.0.0.1:1"
