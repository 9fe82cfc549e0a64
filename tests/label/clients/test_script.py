"""`make label` starts all that labelling takes, and ends all of it, also when one part dies."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests

from mammoseg.data.datalist import load_section
from mammoseg.data.ingest import ingest
from mammoseg.errors import WrongCallError
from mammoseg.program import find_free_port
from scripts.label import label
from tests.label.bright_model import write_bright_weights
from tests.label.real_server import write_marked
from tests.orthanc import running_orthanc

__all__ = ["running_orthanc"]

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "label.py"


def test_without_weights_one_sentence_says_what_to_run(tmp_path):
    with pytest.raises(WrongCallError, match="run `make demo` once"):
        label(weights=str(tmp_path / "none.pt"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bundle": "nope"}, "unknown bundle 'nope'"),
        ({"patients": "x"}, "patients is 'x'; give a whole number from 1 on"),
        ({"patients": 0}, "patients is '0'; give a whole number from 1 on"),
        ({"keep": "file"}, "file' cannot be written to"),
        ({"keep": "file/x"}, "file/x' cannot be written to"),
        ({"folder": ""}, "folder is empty; name a folder, --folder FOLDER"),
        ({"keep": ""}, "keep is empty; name a folder, --keep FOLDER"),
        ({"folder": "none"}, "'none' is no folder; name one with mammograms"),
        ({"folder": "empty"}, "there is no image in 'empty'"),
        ({"folder": "films", "keep": "films/kept"}, "lies among the mammograms"),
        ({"folder": "films", "bundle": "aunet"}, "bundle 'aunet' has no weights yet"),
    ],
)
def test_what_is_named_wrong_is_said_before_anything_starts(wrong, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "film.png").touch()
    with pytest.raises(WrongCallError, match=said):
        label(**wrong)
    assert not capsys.readouterr().out


def test_all_that_is_missing_is_said_at_once_before_anything_starts(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mammoseg.viewer.archive.PLUGIN_FOLDERS", ())
    monkeypatch.setattr("mammoseg.viewer.label_needs.find_spec", lambda name: None)
    with pytest.raises(WrongCallError) as refusal:
        label(weights=str(tmp_path / "none.pt"))
    said = str(refusal.value)
    for way in ("apt-get install orthanc", "`make label` installs them", "run `make demo` once"):
        assert way in said
    assert len(said.splitlines()) == 3 and not capsys.readouterr().out


def test_where_a_port_is_taken_it_takes_the_next():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert port < find_free_port(port) < port + 100
        _, client = socket.create_connection(("127.0.0.1", port)), taken.accept()[0]
        client.close()
    assert find_free_port(port) == port, "a server that has just ended leaves it free"


@pytest.mark.parametrize("port", [65536, -1, "http"])
def test_what_is_no_port_is_said_to_be_none(port):
    with pytest.raises(WrongCallError, match="give a number up to 65535"):
        find_free_port(port)


SLOW_ENDS = ["SIGINT", "SIGKILL", "Orthanc dies", "label server dies"]


@pytest.mark.parametrize("end", ["SIGTERM", *(pytest.param(end, marks=pytest.mark.slow) for end in SLOW_ENDS)])
def test_all_parts_start_and_all_end(end, running_orthanc, tmp_path):
    weights = write_bright_weights(tmp_path / "bright.pt", spatial_size=(64, 64), grey=0.8)
    command = [sys.executable, SCRIPT, f"--weights={weights}", "--patients=1", "--port=0", "--viewer_port=0"]
    command += [f"--keep={tmp_path / 'kept'}"] if end == "SIGTERM" else []
    script = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        said = "".join(lines_until(script, "Ctrl-C ends"))
        url = said.partition("/ohif/")[0].split()[-1]
        assert "3D Slicer" in said
        assert requests.get(f"{url}/info/", timeout=60).json()["datastore"]["total"] == 2
        _label_one(url)
        children = _children(script.pid)
        assert children.keys() == {"Orthanc", Path(sys.executable).name}, "the archive and the label server"
        victim = {"Orthanc dies": children["Orthanc"], "label server dies": children[Path(sys.executable).name]}
        os.kill(victim.get(end, script.pid), getattr(signal, end, signal.SIGKILL))
        assert (script.wait(60) == 0) == (end in ("SIGTERM", "SIGINT"))
    finally:
        script.kill()
        script.communicate(timeout=60)  # which closes its output, too
    deadline = time.monotonic() + 30
    while (left := [pid for pid in children.values() if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    if end != "SIGKILL":
        left_over = {path.name for path in tmp_path.iterdir()} - {"kept"}
        assert left_over == {"bright.pt"}, "its folders are gone"
    kept = {path.parent.name for path in (tmp_path / "kept").glob("dataset/*/PHANTOM-0001_*.dcm")}
    assert kept == ({"images", "labels"} if end == "SIGTERM" else set())
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_a_folder_of_ones_own_is_labelled_and_nothing_is_written_into_it(tmp_path):
    folder = tmp_path / "films"
    (folder / "deeper").mkdir(parents=True)
    write_marked(folder / "deeper" / "P_2.dcm")
    film = np.zeros((60, 40), np.uint8)
    film[5:55, :30] = 60 + np.arange(30)
    film[20:30, 10:20] = 220
    cv2.imwrite(str(folder / "P_1_LEFT_CC.png"), film)
    (folder / "notes.txt").write_text("not ours")
    before = {path: path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))}
    weights = write_bright_weights(tmp_path / "bright.pt", spatial_size=(64, 64), grey=0.8)
    command = [sys.executable, SCRIPT, f"--folder={folder}", f"--weights={weights}", "--bundle=unet", "--port=0"]
    command += [f"--keep={tmp_path / 'kept'}"]
    script = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        said = "".join(lines_until(script, "Ctrl-C ends"))
        url = said.partition("/annotate/")[0].split()[-1]
        assert f"2 files in {folder}; model unet" in said and "/ohif/" not in said
        assert _children(script.pid).keys() == {Path(sys.executable).name}, "no archive"
        start = requests.get(f"{url}/annotate/api/start", timeout=60).json()
        assert (start["total"], [model["name"] for model in start["models"]]) == (2, ["unet"])
        for _ in range(2):
            _label_one(url)
        script.terminate()
        assert script.wait(60) == 0
    finally:
        script.kill()
        script.communicate(timeout=60)
    assert {path: path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))} == before
    kept = {str(path.relative_to(tmp_path / "kept" / "dataset")) for path in (tmp_path / "kept").rglob("dataset/*/*")}
    assert kept == {"images/P_2.dcm", "labels/P_2.dcm", "images/P_1_LEFT_CC.png", "labels/P_1_LEFT_CC.nii.gz"}
    output = str(tmp_path / "data")
    options = {"all_in": "test", "key_file": str(tmp_path / "key"), "patient_regex": r"(P_\d+)"}
    ingest("folder", str(tmp_path / "kept" / "dataset"), output=output, **options)
    assert len(load_section(tmp_path / "data" / "datalist.json", "test")) == 2


def _label_one(url: str) -> None:
    """Save the model's mask of an image as a person's."""
    image = requests.post(f"{url}/activelearning/first", timeout=60).json()["id"]
    mask = requests.post(f"{url}/infer/unet?image={image}&output=image", timeout=60).content
    files = {"label": ("mask.nii.gz", mask)}
    assert requests.put(f"{url}/datastore/label?image={image}&tag=final", files=files, timeout=60).ok


def lines_until(script: subprocess.Popen[str], word: str) -> Iterator[str]:
    assert script.stdout is not None
    for line in script.stdout:
        yield line
        if word in line:
            return


def _children(parent: int) -> dict[str, int]:
    """Process ids of the processes that `parent` started, by the name of their program."""
    found = {}
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        program = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        found[Path(program).name] = int(pid)
    return found
