"""Which files of folders could be mammograms."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from mammoseg.data.datalist import DATALIST, SECTIONS
from mammoseg.data.folder_matching import without_masks
from mammoseg.data.records import list_recorded
from mammoseg.errors import NothingUsableError
from mammoseg.files import read_json
from mammoseg.folders import is_file, is_folder, is_link_to_folder, leads_out, list_files_below

SIDECARS = {
    ".csv",
    ".htm",
    ".html",
    ".json",
    ".log",
    ".md",
    ".npz",
    ".pdf",
    ".toml",
    ".tsv",
    ".txt",
    ".xlsx",
    ".xml",
    ".yaml",
    ".yml",
}
"""Endings of files that lie beside images and are none: passed over in a folder and counted, tried when named."""

MOST_BYTES = 2**26
"""Of a datalist that is looked into; a hundred thousand images take half of it."""


def find_inputs(
    inputs: Sequence[Path], output: Path | None = None, *, with_segmentations: bool = False
) -> tuple[list[Path], int]:
    """List the files to try, each once, and count those passed over.

    A file that is named is always tried. In a folder, hidden files, DICOMDIR, files with an ending of `SIDECARS`,
    pictures that are masks of other files by their names, masks of a `DATALIST` there, results that records there name,
    links to folders, links that lead out of it and all that lies in `output` are passed over; everything else is tried,
    a folder that cannot be read too, to be refused by its name.

    Args:
        with_segmentations: whether masks of a datalist and results that are DICOM files are to be tried all the same.
    """
    found: dict[str, Path] = {}
    passed_over = 0
    for path in inputs:
        files, others = _find_files(path, output, with_segmentations) if is_folder(path) else ([path], 0)
        passed_over += others
        for file in files:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values()), passed_over


def say_passed_over(count: int) -> str:
    """The end of a sentence that counts files; empty for none."""
    return (
        f", {count} passed over (no images, masks of images, results of an earlier call, links that lead elsewhere)"
        if count
        else ""
    )


def say_no_file(passed_over: int, *, to: str = "segment") -> str:
    """What to do where no file is left, said with what it would be for."""
    return f"there is no file to {to}{say_passed_over(passed_over)}; name mammograms or a folder that holds some."


def begins_as_dicom(path: Path) -> bool:
    """Whether a path is a regular file with the preamble and prefix of PS3.10 7.1."""
    if not is_file(path):  # opening a pipe would wait for ever
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def find_dicom_files(inputs: Sequence[Path]) -> tuple[list[Path], int]:
    """Every file that is named, and those of folders that begin as DICOM files do, PS3.10 7.1; the others are counted.

    What cannot be looked at, such as a link that leads nowhere, is among the first, to be refused by its name.
    """
    named = {path for path in inputs if not is_folder(path)}
    paths, passed_over = find_inputs(inputs, with_segmentations=True)
    found = [path for path in paths if path in named or _may_be_dicom(path)]
    return found, passed_over + len(paths) - len(found)


def find_images(folder: Path | str) -> list[dict[str, str]]:
    """Items ``{"image": path, "image_id": path inside the folder}`` for a MONAI data set.

    Raises:
        NothingUsableError: there is none.
    """
    root = Path(folder)
    paths, _ = find_inputs([root])
    if not paths or not root.is_dir():
        raise NothingUsableError(
            f"there is no image in {root}; name a folder with DICOM, PNG, TIFF, JPEG or NIfTI files."
        )
    return [{"image": str(path), "image_id": str(path.relative_to(root))} for path in paths]


def _find_files(folder: Path, output: Path | None, with_segmentations: bool) -> tuple[list[Path], int]:
    """What to try below a folder, and how many files are passed over."""
    below = list(list_files_below(folder, without=output))
    files = without_masks(folder, [file for file in below if _may_be_image(file, folder)])
    masks = {mask for file in below if file.name == DATALIST for mask in _list_masks(file)}
    if made := masks | list_recorded(below):
        files = [
            file
            for file in files
            if os.path.realpath(file) not in made or (with_segmentations and begins_as_dicom(file))
        ]
    return files, len(below) - len(files)


def _list_masks(datalist: Path) -> set[str]:
    """Real paths of what a datalist names as masks and not as images; none where it is no datalist."""
    try:
        content = read_json(datalist, most_bytes=MOST_BYTES)
        records = [record for section in SECTIONS for record in content[section]]
        images = [record["image"] for record in records]
        masks = [mask for record in records for mask in (record["label"], *record.get("instances", ()))]
        real = [{os.path.realpath(datalist.parent / file) for file in files} for files in (masks, images)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    return real[0] - real[1]


def _may_be_image(file: Path, folder: Path) -> bool:
    is_sidecar = file.suffix.lower() in SIDECARS or file.name == "DICOMDIR" or file.name.startswith(".")
    return not (is_sidecar or leads_out(file, folder) or is_link_to_folder(file))


def _may_be_dicom(path: Path) -> bool:
    try:
        return begins_as_dicom(path) or stat.S_ISDIR(path.stat().st_mode)  # a folder here is one that cannot be read
    except OSError:
        return True
