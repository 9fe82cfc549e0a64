"""Names that new files get from those of their sources."""

import re
from collections.abc import Sequence
from pathlib import Path


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
