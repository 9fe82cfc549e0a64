"""A DICOM archive on loopback that lives as long as it is needed: Orthanc with DICOMweb, a password and a folder."""

import json
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from mammoseg.errors import MammosegError, WrongCallError

PLUGIN_FOLDERS = (
    Path("/usr/share/orthanc/plugins"),
    Path("/usr/lib/orthanc"),
    Path("/usr/local/share/orthanc/plugins"),
)
"""Where packages put libOrthancDicomWeb.so."""

START_SECONDS = 30
"""Time that Orthanc may take to start; 1 to 5 s are usual."""


@dataclass(frozen=True)
class Archive:
    """A running archive.

    Attributes:
        url: root; DICOMweb is below ``/dicom-web``.
        user: name and password.
    """

    url: str
    user: tuple[str, str]

    def store(self, path: Path) -> str:
        """Store one DICOM file and return its Study Instance UID.

        Raises:
            MammosegError: the archive refuses it.
        """
        answer = requests.post(f"{self.url}/instances", path.read_bytes(), auth=self.user, timeout=60)
        if not answer.ok:
            raise MammosegError(f"the archive refuses {path.name} (HTTP {answer.status_code}); it is no DICOM file.")
        study = requests.get(f"{self.url}/studies/{answer.json()['ParentStudy']}", auth=self.user, timeout=60).json()
        return study["MainDicomTags"]["StudyInstanceUID"]


@contextmanager
def local_archive() -> Iterator[Archive]:
    """Start Orthanc on a free port of 127.0.0.1; when the block ends, it and all that it stored are gone.

    Raises:
        WrongCallError: Orthanc or its DICOMweb plugin is not installed.
        MammosegError: it does not start.
    """
    program, plugin = _program(), _plugin()
    password = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="mammoseg-archive-") as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = Path(folder) / "orthanc.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps(_configuration(Path(folder), port, plugin, password)), encoding="utf-8")
        archive = Archive(f"http://127.0.0.1:{port}", ("mammoseg", password))
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen([program, str(config)], stdout=log, stderr=log)
        try:
            _wait_for(archive, process)
            yield archive
        finally:
            process.terminate()
            process.wait(timeout=30)


def _configuration(folder: Path, port: int, plugin: Path, password: str) -> dict[str, object]:
    return {
        "Name": "mammoseg",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(plugin)],
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"mammoseg": password},
        "OverwriteInstances": False,
        "StableAge": 2,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": True, "WadoRoot": "/wado"},
    }


def _wait_for(archive: Archive, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{archive.url}/system", auth=archive.user, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise MammosegError(f"Orthanc did not start within {START_SECONDS} s; run it by hand to see why.")


def _program() -> str:
    program = shutil.which("Orthanc", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if program is None:
        raise WrongCallError("Orthanc is not installed (Debian: apt-get install orthanc orthanc-dicomweb).")
    return program


def _plugin() -> Path:
    for folder in PLUGIN_FOLDERS:
        if (plugin := folder / "libOrthancDicomWeb.so").exists():
            return plugin
    raise WrongCallError("Orthanc's DICOMweb plugin is not installed (Debian: apt-get install orthanc-dicomweb).")
