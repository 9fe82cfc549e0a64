"""A folder may hold loops, pipes, devices, links that lead nowhere and folders that nobody can list: all are told."""

import csv
import json
from pathlib import Path

import pytest

from mammoseg.archives.send import send
from mammoseg.data.find_images import find_dicom_files, find_inputs
from mammoseg.data.ingest import ingest
from mammoseg.deidentification.deidentify import deidentify
from mammoseg.dicom.parse import open_dicom
from mammoseg.errors import InputRefusedError, NothingUsableError, PartlyRefusedError
from mammoseg.files import as_printable
from mammoseg.folders import list_files_below
from tests.hostile.traps import GOOD, NO_FILES, PASSED_OVER, make_trap, make_unreadable
from tests.label.made_store import opened
from tests.made_predictor import BrightIsMass
from tests.run_predictor import run_predictor


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def trap(tmp_path) -> Path:
    return make_unreadable(make_trap(tmp_path / "in"))


def shown(folder: Path, names: tuple[str, ...]) -> set[str]:
    return {as_printable(folder / name) for name in names}


def test_the_walk_follows_no_link_and_gives_what_it_cannot_list(trap):
    found = list(list_files_below(trap))
    (unread,) = [path for path in found if path.is_relative_to(trap / ("d" * 250))]
    assert len(str(unread)) > 4096
    named = {str(path.relative_to(trap)) for path in found if path != unread}
    assert named == {*GOOD, *NO_FILES, "above", "out", "zero.dcm"}


def test_the_walk_leaves_a_folder_out(trap):
    assert not [path for path in list_files_below(trap, without=trap / "deep") if path.name == "too.dcm"]


def test_a_link_that_is_named_itself_and_leads_to_itself_is_a_file_to_refuse(trap):
    assert find_inputs([trap / "self.dcm"]) == ([trap / "self.dcm"], 0)


def test_predict_refuses_each_by_its_name_and_goes_on(trap, tmp_path, capsys):
    with pytest.raises(PartlyRefusedError, match="7 of 9 files refused"):
        run_predictor(BrightIsMass(), [trap], tmp_path / "out")
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows if row["status"] == "mass found"} == shown(trap, GOOD)
    refused = [row for row in rows if row["status"] == "refused"]
    assert {row["code"] for row in refused} == {"E_NOT_A_FILE"}
    assert shown(trap, NO_FILES) < {row["file"] for row in refused}
    assert f"{PASSED_OVER} passed over" in capsys.readouterr().out


def test_ingest_counts_each_by_its_reason(trap, tmp_path, capsys):
    with pytest.raises(NothingUsableError):
        ingest("folder", str(trap), output=str(tmp_path / "out"))
    skipped = json.loads((tmp_path / "out" / "ingest_report.json").read_text(encoding="utf-8"))["skipped"]
    named = {line.partition(":")[0] for line in skipped["E_NOT_A_FILE"]}
    assert {as_printable(Path(name)) for name in NO_FILES} < named
    assert len(named) == len(NO_FILES) + 1
    assert skipped["links to folders"] == ["above"]
    assert skipped["links that lead out of the folder"] == ["out", "zero.dcm"]


def test_deidentify_refuses_each_by_its_name_and_goes_on(trap, tmp_path, capsys):
    with pytest.raises(PartlyRefusedError, match="6 of 9 files refused"):
        deidentify(trap, output=tmp_path / "out")
    said = capsys.readouterr().err
    assert all(f"{name}: E_NOT_A_FILE" in said for name in shown(trap, NO_FILES[:2]))


def test_send_keeps_what_it_cannot_look_at_to_refuse_it_by_its_name_and_counts_the_rest(trap):
    paths, passed_over = find_dicom_files([trap])
    leads_nowhere = {"dangling.dcm", "loop.dcm", "self.dcm", "there.dcm", "no-utf8-\udcff.dcm"}
    assert {*GOOD, *leads_nowhere} < {str(path.relative_to(trap)) for path in paths}
    assert (len(paths), passed_over) == (len(GOOD) + len(leads_nowhere) + 1, PASSED_OVER + 1), "the pipe"


def test_send_ends_with_a_sentence_where_there_is_nothing_but_traps(tmp_path, capsys):
    (tmp_path / "zero.dcm").symlink_to("/dev/zero")
    with pytest.raises(NothingUsableError, match="no DICOM file"):
        send(tmp_path, to="https://pacs/dicom-web")
    assert "1 file of the folders" in capsys.readouterr().err


def test_a_pipe_that_is_named_is_refused_and_not_waited_for(trap):
    with pytest.raises(InputRefusedError, match="E_NOT_A_FILE: there is no regular file"):
        open_dicom(trap / "pipe.dcm")


def test_the_list_of_the_label_server_has_the_good_ones_and_the_log_counts_the_rest(trap, tmp_path, caplog):
    with opened(trap, tmp_path / "state", refresh_seconds="0") as store:
        assert len(store.list_images()) == len(GOOD)
        store.refresh()
        assert len(store.list_images()) == len(GOOD)
    told = [record.getMessage() for record in caplog.records if "names of the folder" in record.getMessage()]
    assert told == ["6 names of the folder lead to nothing that can be read and are left out"]
