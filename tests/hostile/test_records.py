"""Records, claims, maps and caches may have been written by somebody else: nothing follows what they name."""

import json
import os

import pytest

from mammoseg.deidentification.identity_map import IdentityMap
from mammoseg.errors import MammosegError, OutputError
from mammoseg.files import hash_file
from mammoseg.prediction.options import Options
from tests.hostile.case import write_good
from tests.made_predictor import BrightIsMass
from tests.prediction.outputs import rows_of
from tests.run_predictor import run_predictor

OTHER = Options(threshold=0.6)
"""Settings under which all is done again, and results of the first run that it does not write are removed."""


@pytest.fixture
def done(tmp_path):
    """Output of a run over one file, and the path of its record."""
    run_predictor(BrightIsMass(), [write_good(tmp_path)], tmp_path / "out")
    return tmp_path / "out", tmp_path / "out" / ".mammoseg" / "a.json"


def change(record, **changes):
    record.write_text(json.dumps(json.loads(record.read_text()) | changes))


def again(tmp_path, options=OTHER):
    run_predictor(BrightIsMass(), [tmp_path / "a.dcm"], tmp_path / "out", options=options)


@pytest.mark.parametrize("name", ["../precious.txt", "{folder}/precious.txt", "a.dcm/../../precious.txt", "a.link"])
def test_a_record_removes_no_file_outside_its_folder(done, tmp_path, name):
    output, record = done
    precious = tmp_path / "precious.txt"
    precious.write_text("all I have")
    (output / "a.link").symlink_to(precious)
    (output / "a.dcm").mkdir()
    change(record, results={name.format(folder=tmp_path): hash_file(precious)})
    again(tmp_path)
    assert precious.read_text() == "all I have"


def test_a_record_removes_no_result_of_another_file(done, tmp_path):
    output, record = done
    (output / "b.seg.dcm").write_text("of another")
    change(record, results={"b.seg.dcm": hash_file(output / "b.seg.dcm")})
    again(tmp_path)
    assert (output / "b.seg.dcm").exists()


@pytest.mark.parametrize(
    "row",
    [
        {"segmentation": "../precious.txt"},
        {"segmentation": "b.seg.dcm"},
        {"notes": "\x1b]0;owned\x07"},
        {"lesions": [1]},
        {"area_mm2": "3"},
        {"unknown": 1},
        {"status": "refused\n"},
    ],
)
def test_a_row_that_is_none_of_ours_is_done_again(done, tmp_path, row):
    output, record = done
    before = rows_of(output)[0]
    content = json.loads(record.read_text())
    change(record, row=content["row"] | row)
    again(tmp_path, Options())
    assert rows_of(output)[0] | {"seconds": ""} == before | {"seconds": ""}


def test_an_honest_record_counts_and_its_file_is_named_as_it_is_named_now(done, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_predictor(BrightIsMass(), [(tmp_path / "a.dcm").relative_to(tmp_path)], tmp_path / "out")
    assert "1 of 1 file done already" in capsys.readouterr().err
    assert rows_of(tmp_path / "out")[0]["file"] == "a.dcm"


@pytest.mark.parametrize("content", ["[" * 100_000, "7", "[]", '{"results": 7}', " " * 2**21, "\ufeff{}"])
def test_a_record_that_is_none_is_no_record(done, tmp_path, content):
    output, record = done
    record.write_text(content)
    again(tmp_path, Options())
    assert rows_of(output)[0]["status"] == "mass found"


def test_a_pipe_in_place_of_a_record_a_claim_or_a_result_is_not_waited_for(done, tmp_path):
    output, record = done
    (claim,) = (output / ".mammoseg" / "instances").iterdir()
    for path in (record, claim, output / "a.seg.dcm"):
        path.unlink()
        os.mkfifo(path)
    again(tmp_path, Options())
    assert rows_of(output)[0]["status"] == "mass found"


def test_a_claim_that_names_a_device_is_free(done, tmp_path):
    output, _ = done
    (claim,) = (output / ".mammoseg" / "instances").iterdir()
    claim.write_text(json.dumps({"path": "/dev/zero", "sha256": "0" * 64}))
    again(tmp_path)
    assert rows_of(output)[0]["status"] == "mass found"


@pytest.mark.parametrize("folder", [".mammoseg", ".mammoseg/instances"])
def test_records_that_lie_elsewhere_by_a_link_are_refused(tmp_path, folder):
    precious = tmp_path / "elsewhere" / ".draft-1.tmp.txt"
    precious.parent.mkdir()
    precious.touch()
    (tmp_path / "out" / folder).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "out" / folder).symlink_to(precious.parent)
    with pytest.raises(OutputError, match="is a link, so records would be changed elsewhere"):
        run_predictor(BrightIsMass(), [write_good(tmp_path)], tmp_path / "out")
    assert precious.exists()


def test_a_lock_that_is_a_link_empties_no_file(done, tmp_path):
    precious = tmp_path / "precious.txt"
    precious.write_text("all I have")
    (tmp_path / "out" / ".mammoseg" / "lock").symlink_to(precious)
    with pytest.raises(OutputError):
        again(tmp_path)
    assert precious.read_text() == "all I have"


def test_a_folder_that_looks_like_a_leftover_stands_in_nobodys_way(tmp_path):
    (tmp_path / "out" / ".a-b.tmp").mkdir(parents=True)
    run_predictor(BrightIsMass(), [write_good(tmp_path)], tmp_path / "out")
    assert (tmp_path / "out" / ".a-b.tmp").is_dir()


@pytest.mark.parametrize(
    "content",
    [
        {"patients": {}, "uids": {"1.2.3": "../../precious"}},
        {"patients": {"P": "a\\b"}, "uids": {}},
        {"patients": {"P": "\x1b[2J"}, "uids": {}},
        {"patients": {"P": ""}, "uids": {}},
        {"patients": [], "uids": {}},
        [[[]]],
    ],
)
def test_a_map_whose_new_names_are_none_is_damaged(tmp_path, content):
    (tmp_path / "map.json").write_text(json.dumps(content))
    (tmp_path / "map.json").chmod(0o600)
    with pytest.raises(MammosegError, match="is damaged; restore it"):
        IdentityMap(lambda: b"key", tmp_path / "map.json")
