"""Folders that hold anything: what lies below one, and what a path leads to, whatever a disk can hold."""

import os
from collections.abc import Iterator
from pathlib import Path


def list_files_below(folder: Path, *, without: Path | None = None) -> Iterator[Path]:
    """All that lies below a folder and is no folder, sorted: first what lies in it, then what lies in each sub-folder.

    Whatever a disk can hold is given and nothing is opened: loops, links that lead nowhere, pipes, devices. Links to
    folders are given and not followed. A folder that cannot be listed is given too, so that whoever takes it for a file
    refuses it by its name.

    Args:
        without: folder that is left out.
    """
    left_out = without and os.path.realpath(without)
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        except OSError:
            yield here
            continue
        yield from (here / name for name, is_folder in found if not is_folder)
        folders = (here / name for name, is_folder in reversed(found) if is_folder)
        waiting += [path for path in folders if left_out is None or os.path.realpath(path) != left_out]


def is_file(path: Path) -> bool:
    """Whether `path` leads to a regular file; False where nobody can tell, as `pathlib` raises for a path too long."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether `path` leads to a folder; False where nobody can tell."""
    return os.path.isdir(path)  # noqa: PTH112


def is_link(path: Path) -> bool:
    """Whether `path` is a symbolic link; False where nobody can tell."""
    return os.path.islink(path)  # noqa: PTH114


def leads_out(path: Path, folder: Path) -> bool:
    """Whether `path`, found in `folder`, is a link to somewhere else; a link to itself is none."""
    return is_link(path) and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def lies_in(path: Path, folder: Path) -> bool:
    """Whether a path that a table names leads to somewhere in `folder`, links and ``..`` on its way resolved."""
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    except ValueError:  # a NUL in it
        return False


def is_link_to_folder(path: Path) -> bool:
    """Whether `path` is a link to a folder, which no search follows."""
    return is_link(path) and is_folder(path)


def is_plain_file(path: Path) -> bool:
    """Whether `path` is a regular file itself, no link to one, and no pipe or device that would be read for ever."""
    return is_file(path) and not is_link(path)
