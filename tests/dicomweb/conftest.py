"""Fixtures of the tests with an archive."""

from tests.orthanc import orthanc, running_orthanc

__all__ = ["orthanc", "running_orthanc"]
