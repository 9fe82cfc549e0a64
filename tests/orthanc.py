"""A real Orthanc for tests: one for the session, empty for each test."""

import os
from collections.abc import Iterator

import pytest
import requests

from mammoseg.errors import WrongCallError
from mammoseg.viewer.archive import LocalArchive, local_archive
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture(scope="session")
def running_orthanc() -> Iterator[LocalArchive]:
    """Orthanc with DICOMweb and C-STORE; where it is not installed a test skips, in CI it fails."""
    starting = local_archive(takes_c_store=True)
    try:
        archive = starting.__enter__()
    except WrongCallError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{error} .ci/debian-packages.txt lists it.")
    yield archive
    starting.__exit__(None, None, None)


@pytest.fixture
def orthanc(running_orthanc: LocalArchive, monkeypatch: pytest.MonkeyPatch) -> LocalArchive:
    """The same with nothing in it, and its password where mammoseg looks for it."""
    for study in requests.get(
        f"{running_orthanc.url}/studies", auth=running_orthanc.user, timeout=PATIENCE_SECONDS
    ).json():
        requests.delete(f"{running_orthanc.url}/studies/{study}", auth=running_orthanc.user, timeout=PATIENCE_SECONDS)
    monkeypatch.setenv("MAMMOSEG_DICOMWEB_PASSWORD", running_orthanc.user[1])
    return running_orthanc


def instances_in(archive: LocalArchive) -> int:
    """How many instances the archive holds, by its own count."""
    counts = requests.get(f"{archive.url}/statistics", auth=archive.user, timeout=PATIENCE_SECONDS).json()
    return int(counts["CountInstances"])
