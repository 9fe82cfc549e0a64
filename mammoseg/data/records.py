"""Records of results: in a folder beside them, one JSON file for each mammogram, which names what was made of it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mammoseg.files import read_json

FOLDER = ".mammoseg"
"""Folder of the records in the output folder; deleting it makes the next run do everything again."""

RECORD_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What reading a record can raise that another program, or another version, has written."""


def read_results_record(path: Path) -> dict[str, Any]:
    """The record of a name; whoever can write to the folder may have written it, so its names are held to ours.

    Raises:
        OSError, ValueError, KeyError, TypeError, AttributeError: there is none, or it is none of ours.
    """
    record = read_json(path)
    for file in record["results"].keys():
        if not (file.startswith(f"{path.stem}.") and Path(file).name == file):
            raise ValueError("a record names a file that is no result of its source")
    return dict(record)


def list_recorded(files: Iterable[Path]) -> set[str]:
    """Real paths of what the records among `files` name as results."""
    found: set[str] = set()
    for path in files:
        if path.parent.name == FOLDER and path.suffix == ".json":
            found.update(os.path.realpath(path.parent.parent / file) for file in _list_results(path))
    return found


def _list_results(record: Path) -> list[str]:
    try:
        return list(read_results_record(record)["results"])
    except RECORD_ERRORS:
        return []
