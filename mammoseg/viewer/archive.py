"""A DICOM archive on loopback that lives as long as it is needed: Orthanc with DICOMweb, a password and a folder."""

import json
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.program import request_here, running, wait_for_answer

PLUGIN_FOLDERS = (
    Path("/usr/share/orthanc/plugins"),
    Path("/usr/lib/orthanc"),
    Path("/usr/local/share/orthanc/plugins"),
)
"""Where packages put libOrthancDicomWeb.so."""

START_SECONDS = 120
"""Time that Orthanc may take to start; 1 to 5 s are usual, more where other programs keep the machine busy."""


@dataclass(frozen=True)
class LocalArchive:
    """A running archive.

    Attributes:
        url: root; DICOMweb is below ``/dicom-web``.
        user: name and password.
        process_id: number of the process of Orthanc.
        dicom_port: port for C-STORE, None where that is closed.
    """

    url: str
    user: tuple[str, str]
    process_id: int
    dicom_port: int | None = None

    @property
    def dicomweb(self) -> str:
        """Address of DICOMweb with the user's name, as `mammoseg send --to` takes it."""
        return self.url.replace("//", f"//{self.user[0]}@") + "/dicom-web"

    def store(self, path: Path) -> str:
        """Store one DICOM file and return its Study Instance UID.

        Raises:
            MammosegError: the archive refuses it, or dies of it (nesting some 50 deep ends Orthanc 1.10).
        """
        try:
            answer = request_here("post", f"{self.url}/instances", data=path.read_bytes(), auth=self.user, timeout=60)
        except requests.RequestException as error:
            raise MammosegError(f"the archive ended on {path.name}; leave that file out.") from error
        if not answer.ok:
            raise MammosegError(f"the archive refuses {path.name} (HTTP {answer.status_code}); it is damaged.")
        url = f"{self.url}/studies/{answer.json()['ParentStudy']}"
        study = request_here("get", url, auth=self.user, timeout=60).json()
        return study["MainDicomTags"]["StudyInstanceUID"]


def check_installed() -> None:
    """Raise where `local_archive` could not start.

    Raises:
        WrongCallError: Orthanc or its DICOMweb plugin is not installed.
    """
    _find_program(), _find_plugin()


@contextmanager
def local_archive(*, takes_c_store: bool = False) -> Iterator[LocalArchive]:
    """Start Orthanc on a free port of 127.0.0.1; when the block ends, it and all that it stored are gone.

    Args:
        takes_c_store: open a port for C-STORE too, which knows no password and which Orthanc binds to all addresses.

    Raises:
        WrongCallError: Orthanc or its DICOMweb plugin is not installed.
        MammosegError: it does not start.
    """
    program, plugin = _find_program(), _find_plugin()
    password = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="mammoseg-archive-") as folder:
        port, dicom_port = _find_free_ports()
        config = Path(folder) / "orthanc.json"
        config.touch(mode=0o600)
        settings = _build_configuration(Path(folder), port, plugin, password)
        if takes_c_store:
            settings |= {"DicomServerEnabled": True, "DicomPort": dicom_port, "DicomAet": "ORTHANC"}
        config.write_text(json.dumps(settings), encoding="utf-8")
        with (Path(folder) / "log").open("w") as log, running([program, config], output=log) as process:
            archive = LocalArchive(
                f"http://127.0.0.1:{port}", ("mammoseg", password), process.pid, dicom_port if takes_c_store else None
            )
            if not wait_for_answer(f"{archive.url}/system", process, seconds=START_SECONDS, auth=archive.user):
                raise MammosegError(f"Orthanc did not start within {START_SECONDS} s; run it by hand to see why.")
            yield archive


def _find_free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _build_configuration(folder: Path, port: int, plugin: Path, password: str) -> dict[str, object]:
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


def _find_program() -> str:
    program = shutil.which("Orthanc", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if program is None:
        raise WrongCallError("Orthanc is not installed (Debian: apt-get install orthanc orthanc-dicomweb).")
    return program


def _find_plugin() -> Path:
    for folder in PLUGIN_FOLDERS:
        if (plugin := folder / "libOrthancDicomWeb.so").exists():
            return plugin
    raise WrongCallError("Orthanc's DICOMweb plugin is not installed (Debian: apt-get install orthanc-dicomweb).")
