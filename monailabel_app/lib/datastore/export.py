"""All labelled images with their masks in one ZIP file, as MONAI Label's dataset download has it."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.files import atomic_path


def write_archive(folder: Path, items: Sequence[Mapping[str, Any]]) -> Path:
    """Write ``dataset.zip`` in `folder` with ``image/``, ``label/`` and ``metadata.json``; the one before is replaced.

    Args:
        items: as `InstanceDatastore.human_labels` gives them.
    """
    metadata = []
    with atomic_path(folder / "dataset.zip") as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for item in items:
            names = {key: f"{key}/{item['image_id']}{ending(Path(item[key]))}" for key in ("image", "label")}
            for key, name in names.items():
                archive.write(item[key], name)
            metadata.append({**item, **names})
        archive.writestr("metadata.json", json.dumps(metadata, indent=2))
    return folder / "dataset.zip"


def ending(path: Path) -> str:
    """The part of a file's name that says its format."""
    return ".nii.gz" if path.name.endswith(".nii.gz") else path.suffix
