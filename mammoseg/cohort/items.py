"""The mammograms of a cohort: which there are, and under what name each has its results."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammoseg.data.datalist import SECTIONS, read_datalist
from mammoseg.data.find_images import find_inputs
from mammoseg.paths import make_unique_names


@dataclass(frozen=True)
class CohortItem:
    """One mammogram of a cohort.

    Attributes:
        key: what it is called in the ledger: its real path, or its SOP Instance UID in an archive.
        path: the file to read.
        name: ``FOLDER/STEM`` of its results below ``results``; 256 folders, so that none gets too many files.
        state: size and time of change, by which a changed file is done again; empty for an instance of an archive.
    """

    key: str
    path: Path
    name: str
    state: str = ""


def make_item(path: Path) -> CohortItem:
    """The item of a file, named by its own stem and by where it lies."""
    key = os.path.realpath(path)
    try:
        status = os.stat(key)  # noqa: PTH116  # a path that no system takes is refused by the predictor, with its name
        state = f"{status.st_size}:{status.st_mtime_ns}"
    except (OSError, ValueError):
        state = ""
    return CohortItem(key, path, name_results(key, path), state)


def name_results(key: str, path: Path) -> str:
    """Name of the results of one item, the same in every run whatever other files there are."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{digest[:2]}/{make_unique_names([path])[0]}-{digest[:10]}"


def find_files(inputs: Sequence[Path], output: Path) -> tuple[list[Path], int]:
    """Files that are named, those of folders searched to the bottom, and the images of datalists.

    Returns:
        The files, and how many of the folders were passed over.

    Raises:
        DatalistError: an input that ends in ``.json`` is no datalist.
    """
    datalists = [path for path in inputs if path.suffix.lower() == ".json"]
    images = [image for path in datalists for image in _list_images(path)]
    return find_inputs([*(path for path in inputs if path not in datalists), *images], output)


def _list_images(datalist: Path) -> Iterable[Path]:
    content = read_datalist(datalist, by_patient=False)
    folder = datalist.resolve().parent
    return (folder / record["image"] for section in SECTIONS for record in content[section])
