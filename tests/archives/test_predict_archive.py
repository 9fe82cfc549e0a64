"""`mammoseg predict` from an archive and to an archive, with a real Orthanc and no network."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import requests

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import NothingUsableError, OutputError, PartlyRefusedError, WrongCallError
from mammoseg.prediction.predict import predict
from tests.archives.fake_archive import fake_archive
from tests.archives.other_archive import OtherArchive, send_multipart
from tests.cohort.made_cohort import make_mammograms
from tests.made_predictor import BrightIsMass
from tests.orthanc import instances_in
from tests.prediction.outputs import rows_of
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture(autouse=True)
def no_torch(monkeypatch):
    inference = ModuleType("mammoseg.inference.predictor")
    inference.Predictor = lambda **choices: BrightIsMass()
    monkeypatch.setitem(sys.modules, "mammoseg.inference.predictor", inference)
    monkeypatch.setattr("mammoseg.prediction.asked.choose_default_weights", lambda bundle: Path("model.pt"))


@pytest.fixture
def filled(orthanc, tmp_path):
    """An archive with one study of two mammograms."""
    mass = np.full((80, 60), 800)
    mass[:, 50:] = 0  # beside the breast
    mass[20:30, 20:30] = 4000
    for view in ("CC", "MLO"):
        write_mammogram(tmp_path / f"{view}.dcm", mass, view=view)
        orthanc.store(tmp_path / f"{view}.dcm")
    return orthanc


def modalities_in(archive):
    series = requests.get(f"{archive.url}/series?expand", auth=archive.user, timeout=PATIENCE_SECONDS).json()
    return sorted(item["MainDicomTags"]["Modality"] for item in series)


def test_mammograms_come_from_the_archive_and_results_go_back_once(filled, tmp_path, capsys):
    address = filled.dicomweb
    for _ in range(2):  # the second run keeps all, and stores nothing twice
        predict(output=tmp_path / "out", archive=address, stow=address, json=True)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["status"] for row in rows] == ["mass found"] * 4
    assert {Path(row["file"]).parent for row in rows} == {tmp_path / "out" / "images"}
    assert instances_in(filled) == 2 + 2 * 2
    assert modalities_in(filled).count("SEG") == 2
    assert "SR" in modalities_in(filled)


def test_user_is_of_the_archive_that_is_read_where_results_go_by_c_store(filled, tmp_path):
    name, _ = filled.user
    to = f"dicom://ORTHANC@127.0.0.1:{filled.dicom_port}"
    predict(output=tmp_path / "out", archive=f"{filled.url}/dicom-web", user=name, stow=to)
    assert modalities_in(filled).count("SEG") == 2


def test_wrong_address_is_said_before_anything_is_done(tmp_path):
    with pytest.raises(WrongCallError, match="address"):
        predict(tmp_path / "a.dcm", output=tmp_path / "out", stow="ftp://pacs")


def test_missing_password_is_said_before_anything_is_done(filled, tmp_path, monkeypatch):
    monkeypatch.delenv("MAMMOSEG_DICOMWEB_PASSWORD")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(WrongCallError, match="password"):
        predict(tmp_path / "a.dcm", output=tmp_path / "out", stow=filled.dicomweb)


def test_archive_that_is_gone_leaves_the_results_and_says_so(tmp_path, filled):
    from mammoseg.archives.send import PartlySentError

    with pytest.raises(PartlySentError, match="2 of 2 results not in the archive; run the same command again"):
        predict(tmp_path / "CC.dcm", output=tmp_path / "out", stow="http://127.0.0.1:9/dicom-web")
    assert (tmp_path / "out" / "CC.seg.dcm").is_file()


def test_what_the_archive_lists_and_does_not_give_is_a_row_and_the_others_go_on(tmp_path):
    def send(request, content):
        request.reply(404) if content == lacking else send_multipart(request, content)

    make_mammograms(tmp_path / "held", 3)
    held = OtherArchive(sorted(tmp_path.glob("held/*/*.dcm")), send=send)
    lacking = held.files[0].read_bytes()
    with fake_archive(held) as (archive, _), pytest.raises(PartlyRefusedError, match="1 of 3 files refused"):
        predict(output=tmp_path / "out", archive=archive.url)
    assert [row["code"] for row in rows_of(tmp_path / "out")] == ["E_ARCHIVE", "", ""]
    assert len(list((tmp_path / "out").glob("*.seg.dcm"))) == 2
    held.files = held.files[:1]
    with fake_archive(held) as (archive, _), pytest.raises(NothingUsableError, match="none of 1 file could be used"):
        predict(output=tmp_path / "none", archive=archive.url)


def test_full_disk_while_fetching_is_one_sentence(filled, tmp_path, monkeypatch):
    def no_space(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mammoseg.archives.dicomweb.fetch.retrieve_listed", no_space)
    with pytest.raises(OutputError, match=r"out/images' \(No space left on device\); free space"):
        predict(output=tmp_path / "out", archive=filled.dicomweb)
    assert not (tmp_path / "out").exists()
