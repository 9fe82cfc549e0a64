"""What all tests share: where real data lies, and tools that a machine may lack."""

import logging
import os
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real mammograms beside the repository; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real mammograms are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def converted_weights_of_tests(tmp_path_factory) -> None:
    """Weights that tests convert are not kept for the user."""
    os.environ["MAMMOSEG_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def logging_ends_with_its_test() -> Iterator[None]:
    """A bundle that runs in a test leaves handlers that write where that test's output went."""
    before = logging.root.handlers[:]
    yield
    for handler in logging.root.handlers[:]:
        if handler not in before:
            logging.root.removeHandler(handler)


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system has no hard links, as exFAT and some shares."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)


@pytest.fixture
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names a proxy for all addresses, where nobody listens."""
    for name in ("http_proxy", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def dciodvfy() -> str:
    """dicom3tools' validator of one object."""
    return _debian_tool("dciodvfy", "dicom3tools")


@pytest.fixture(scope="session")
def dcentvfy() -> str:
    """dicom3tools' check that several objects say the same of one patient and study."""
    return _debian_tool("dcentvfy", "dicom3tools")


@pytest.fixture(scope="session")
def dsrdump() -> str:
    """DCMTK's reader of structured reports."""
    return _debian_tool("dsrdump", "dcmtk")


@pytest.fixture(scope="session")
def dcmdump() -> str:
    """DCMTK's listing of a file."""
    return _debian_tool("dcmdump", "dcmtk")


@pytest.fixture(scope="session")
def dcmp2pgm() -> str:
    """DCMTK's renderer of an image under a presentation state."""
    return _debian_tool("dcmp2pgm", "dcmtk")


@pytest.fixture(scope="session")
def dcmcjpeg() -> str:
    """DCMTK's encoder of JPEG, lossless too, which pydicom lacks."""
    return _debian_tool("dcmcjpeg", "dcmtk")


def _debian_tool(name: str, package: str) -> str:
    """Path of a program; without it a test skips and names the package, in CI it fails.

    Not one of this environment, which an activated one has first: pynetdicom brings a `storescp` of its own.
    """
    own = os.path.realpath(sysconfig.get_path("scripts"))
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = shutil.which(name, path=os.pathsep.join(folder for folder in folders if os.path.realpath(folder) != own))
    if path is None and os.environ.get("CI"):
        pytest.fail(f"{name} is missing in CI; .ci/debian-packages.txt lists {package}")
    if path is None:
        pytest.skip(f"needs {name}: apt-get install {package}")
    return path
