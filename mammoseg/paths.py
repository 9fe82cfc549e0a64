"""Names of files as a person sees them, and as new files get them."""

import re
from collections.abc import Sequence
from pathlib import Path


def printable(path: Path) -> str:
    """The path on one line of valid text, whatever bytes its name has."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Give each path a stem for its outputs: of the file's own name, never of the header, with plain characters only.

    The names differ without regard to case too, so that they stay apart on every file system.
    """
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        stem = re.sub(r"\.(dcm|png|tiff?|nii|nii\.gz)$", "", path.name, flags=re.IGNORECASE)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._")[:100] or "image"
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        names.append(name)
    return names
