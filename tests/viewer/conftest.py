"""What tests of the viewer need on the machine."""

import os
import shutil
from pathlib import Path

import pytest

from mammoseg.viewer.show import OHIF


@pytest.fixture(scope="session")
def ohif() -> Path:
    """OHIF's files, with all that shows them; what is missing skips a test and names itself, in CI it fails."""
    missing = [program for program in ("Orthanc", "chromium", "node") if shutil.which(program) is None]
    missing += [] if OHIF.is_dir() else ["OHIF (make viewer)"]
    if missing and os.environ.get("CI"):
        pytest.fail(f"missing in CI: {', '.join(missing)}")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    return OHIF
