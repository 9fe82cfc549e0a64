"""Names that new files get from those of their sources."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

PICTURE_FORMATS = r"png|tiff?|jpe?g|p[bgnp]m|nii|nii\.gz|hdr|img"
"""Endings of pictures, as a pattern."""

EXTENSION = re.compile(rf"\.({PICTURE_FORMATS}|dcm|dicom)$", re.IGNORECASE)

PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""What `make_unique_names` makes."""


def get_stem(path: Path) -> str:
    """File name without the ending of an image format; a dot in a DICOM UID is none."""
    return EXTENSION.sub("", path.name)


def make_unique_names(
    paths: Sequence[Path], *, is_free: Callable[[Path, str], bool] = lambda path, name: True
) -> list[str]:
    """Give each path a stem for its outputs: of the file's own name, never of the header, with plain characters only.

    The names differ without regard to case too, so that they stay apart on every file system.

    Args:
        is_free: whether a path may have a name.
    """
    names: list[str] = []
    taken: set[str] = set()
    numbers: dict[str, int] = {}  # of each stem the one below which all are taken
    for path in paths:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", get_stem(path)).strip("._")[:100] or "image"
        number = numbers.get(plain.lower(), 1)
        while _add_number(plain, number).lower() in taken:
            number += 1
        numbers[plain.lower()] = number
        while (name := _add_number(plain, number)).lower() in taken or not is_free(path, name):
            number += 1
        taken.add(name.lower())
        names.append(name)
    return names


def _add_number(stem: str, number: int) -> str:
    return f"{stem}-{number}" if number > 1 else stem
