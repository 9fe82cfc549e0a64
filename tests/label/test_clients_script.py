"""`make label` starts all that labelling takes, and ends all of it, also when one part dies."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from scripts.label import label
from tests.label.bright_model import write_bright_weights
from tests.orthanc import running_orthanc

__all__ = ["running_orthanc"]

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "label.py"


def test_without_weights_one_sentence_says_what_to_run(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        label(weights=str(tmp_path / "none.pt"))
    assert end.value.code == 2
    assert "run `make demo` once" in capsys.readouterr().err


@pytest.mark.parametrize("end", ["SIGTERM", pytest.param("Orthanc dies", marks=pytest.mark.slow)])
def test_all_parts_start_and_all_end(end, running_orthanc, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    weights = write_bright_weights(tmp_path / "bright.pt", spatial_size=(64, 64))
    command = [sys.executable, SCRIPT, f"--weights={weights}", "--patients=1", f"--port={port}", "--viewer_port=0"]
    script = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        said = "".join(_lines_until(script, "Ctrl-C ends"))
        url = f"http://127.0.0.1:{port}"
        assert f"{url}/ohif/" in said and "3D Slicer" in said
        assert requests.get(f"{url}/info/", timeout=60).json()["datastore"]["total"] == 2
        children = _children(script.pid)
        assert children.keys() == {"Orthanc", Path(sys.executable).name}, "the archive and the label server"
        if end == "SIGTERM":
            script.terminate()
            assert script.wait(60) == 0
        else:
            os.kill(children["Orthanc"], signal.SIGKILL)
            assert script.wait(60) != 0
    finally:
        script.terminate()
        script.wait(60)
    assert not [pid for pid in children.values() if Path(f"/proc/{pid}").exists()]
    assert [path.name for path in tmp_path.iterdir()] == ["bright.pt"], "its folders are gone"
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def _lines_until(script: subprocess.Popen[str], word: str) -> Iterator[str]:
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
