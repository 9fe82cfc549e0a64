"""`view` shows files in OHIF for as long as it runs, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests

from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import WrongCallError
from mammoseg.viewer import show
from mammoseg.viewer.show import view_files
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]


def write_two(folder):
    write_mammogram(folder / "a" / "one.dcm", np.arange(1200).reshape(40, 30))
    write_mammogram(folder / "two", np.arange(1200).reshape(30, 40), laterality="R")
    (folder / "results.csv").write_text("no DICOM")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_files_are_shown_until_ctrl_c_and_the_archive_ends_too(end, ohif, tmp_path):
    write_two(tmp_path)
    command = [
        sys.executable,
        "-c",
        f"from mammoseg.viewer.show import view_files; view_files({str(tmp_path)!r}, port=0)",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            url = line.split()[5]
            assert line == f"2 files in 1 study: {url}  (Ctrl-C ends)\n"
            assert "PHANTOM" not in line
            assert len(requests.get(f"{url}/dicom-web/series").json()) == 2
            assert "<title>" in requests.get(url).text
        finally:
            process.send_signal(end)
            assert process.wait(timeout=PATIENCE_SECONDS) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(url)


def test_no_dicom_file_or_no_viewer_is_said_to_be_so(tmp_path, monkeypatch):
    monkeypatch.setattr(show, "OHIF", tmp_path)
    with pytest.raises(WrongCallError, match="no DICOM file"):
        view_files(tmp_path)
    with pytest.raises(WrongCallError, match="does not exist"):
        view_files(tmp_path / "absent")
    with pytest.raises(WrongCallError, match="port is 65536; give a number"):
        view_files(tmp_path, port=2**16)
    monkeypatch.setattr(show, "OHIF", tmp_path / "absent")
    with pytest.raises(WrongCallError, match=f"{tmp_path}/absent; run `make viewer` .* in MAMMOSEG_VIEWER"):
        view_files(tmp_path)


def test_a_variable_names_the_files_of_the_viewer_for_an_installation_that_has_none_beside_it(tmp_path):
    ask = "from mammoseg.viewer.show import OHIF; print(OHIF)"
    for named, found in ((str(tmp_path), tmp_path), ("", ROOT / "build" / "viewer" / "ohif")):
        environment = {**os.environ, "MAMMOSEG_VIEWER": named}
        done = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(found)
