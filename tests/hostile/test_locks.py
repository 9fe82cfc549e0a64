"""Two runs that would undo each other: the second ends with one sentence, and what a killed one left is removed."""

import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from mammoseg.data.ingest import ingest
from mammoseg.deidentification.deidentify import deidentify
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.evaluation.compare import compare
from mammoseg.evaluation.run_report import report
from mammoseg.files import sole_writer, whole_folder
from mammoseg.training.run_alone import run_alone
from tests.hostile.case import write_good
from tests.tiny_run import evaluated_run

BUSY = "another process is writing to"

HOLD = """
import sys
from pathlib import Path
from mammoseg.files import sole_writer, whole_folder
folder, lock = map(Path, sys.argv[1:])
with sole_writer(folder, lock):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(folder: Path, lock: str):
    """Another process has the folder for the block."""
    command = [sys.executable, "-c", HOLD, str(folder), str(folder / lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_second_ingest_into_a_folder_is_refused_and_the_next_one_is_not(tmp_path):
    output = tmp_path / "out"
    with held(output, ".ingest.lock"), pytest.raises(MammosegError, match=BUSY):
        ingest("phantom", output=str(output), patients=3, size=64)
    ingest("phantom", output=str(output), patients=3, size=64)
    assert not list(output.glob(".*")), "no lock stays behind"


def test_what_a_killed_ingest_left_half_written_is_removed(tmp_path):
    left = [tmp_path / "out" / name for name in (".P_1-x1y2.tmp.png", ".made/masks/.P_1-x1y2.tmp.png", ".made/a.png")]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    ingest("phantom", output=str(tmp_path / "out"), patients=3, size=64)
    assert not [path for path in left if path.exists()]


def test_a_wrong_call_of_ingest_leaves_no_folder(tmp_path):
    with pytest.raises(WrongCallError):
        ingest("folder", str(tmp_path / "absent"), output=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_second_deidentify_into_a_folder_is_refused(tmp_path):
    output = tmp_path / "out"
    with held(output, ".deidentify.lock"), pytest.raises(MammosegError, match=BUSY):
        deidentify(write_good(tmp_path), output=output)
    deidentify(tmp_path / "a.dcm", output=output)
    assert [path.suffix for path in output.iterdir()] == [".dcm"]


class Counts:
    """Stands in for an engine."""

    runs = 0

    def run(self):
        self.runs += 1


@pytest.mark.parametrize("which", ["models", "eval"])
def test_a_second_training_in_one_of_the_folders_is_refused(tmp_path, which):
    trainer = Counts()
    folders = [tmp_path / "models", tmp_path / "eval"]
    with held(tmp_path / which, ".training.lock"), pytest.raises(MammosegError, match=f"{BUSY} .*{which}"):
        run_alone(trainer, folders=folders, lock=".training.lock")
    assert trainer.runs == 0
    run_alone(trainer, folders=folders, lock=".training.lock")
    assert trainer.runs == 1


def test_a_training_that_writes_all_to_one_folder_does_not_wait_for_itself(tmp_path):
    trainer = Counts()
    run_alone(trainer, folders=[tmp_path, f"{tmp_path}/."], lock=".training.lock")
    assert trainer.runs == 1


def test_who_waits_gets_the_folder_when_the_other_process_is_killed(tmp_path):
    with held(tmp_path, ".lock") as process:
        process.kill()
        with sole_writer(tmp_path, tmp_path / ".lock", waits=True):
            assert (tmp_path / ".lock").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A data set, weights, and two evaluations of the same images."""
    folder = tmp_path_factory.mktemp("runs")
    evaluated_run(folder)
    shutil.copytree(folder / "eval", folder / "again")
    return folder


@pytest.mark.parametrize("command", ["compare", "report"])
def test_a_second_page_in_a_folder_is_refused_and_the_next_one_leaves_no_lock(command, two_runs, tmp_path):
    output, weights = tmp_path / "out", two_runs / "models" / "model.pt"

    def run():
        if command == "compare":
            compare(two_runs / "eval", two_runs / "again", output=output)
        else:
            report(two_runs / "eval", dataset_dir=two_runs / "data", weights=weights, output=output)

    with held(output, f".{command}.lock"):
        with pytest.raises(MammosegError, match=BUSY):
            run()
        assert [path.name for path in output.iterdir()] == [f".{command}.lock"]
    run()
    assert not list(output.rglob(".*")) and len(list(output.iterdir())) > 3


def test_an_export_does_not_mix_with_what_came_into_its_folder_meanwhile(tmp_path):
    with pytest.raises(WrongCallError, match="out exists and is not empty"), whole_folder(tmp_path / "out") as ours:
        (ours / "unet.zip").touch()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "theirs.zip").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "theirs.zip"]
