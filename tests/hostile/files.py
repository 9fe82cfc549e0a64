"""Files and containers that are no DICOM, end too soon, lie about lengths or where they lead: rows 1 to 21."""

from pathlib import Path

from tests.hostile.case import HostileCase


def empty(folder: Path) -> Path:
    """No byte at all."""
    path = folder / "a.dcm"
    path.touch()
    return path


CASES: list[HostileCase] = [
    HostileCase(1, "empty", "a file of 0 bytes", empty, "E_NOT_DICOM"),
]
