"""What all tests share: where real data lies, and tools that a machine may lack."""

import os
import shutil
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real mammograms beside the repository; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real mammograms are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def dciodvfy() -> str:
    """Path of dicom3tools' validator; without it a test skips and names the package, in CI it fails."""
    path = shutil.which("dciodvfy")
    if path is None and os.environ.get("CI"):
        pytest.fail("dciodvfy is missing in CI; .ci/debian-packages.txt lists dicom3tools")
    if path is None:
        pytest.skip("needs dciodvfy: apt-get install dicom3tools")
    return path
