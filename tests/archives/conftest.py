"""Fixtures of the tests with an archive."""

import pytest

from tests.orthanc import orthanc, running_orthanc

__all__ = ["orthanc", "running_orthanc"]


@pytest.fixture(autouse=True)
def key_of_this_test(tmp_path_factory, monkeypatch):
    """The key by which fetched files are named, instead of that of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
