"""All labelled images with their masks in one ZIP file, as MONAI Label's dataset download has it."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = "export"


def write_archive(state: Path, items: Sequence[Mapping[str, Any]]) -> Path:
    """Write a new ZIP file with ``image/``, ``label/`` and ``metadata.json`` below `state`; the caller removes it.

    Args:
        items: labels, as `InstanceDatastore.list_human_labels` gives them.
    """
    folder = state / FOLDER
    folder.mkdir(exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".zip", delete=False) as file:
        path = Path(file.name)
        try:
            with zipfile.ZipFile(file, "w") as archive:
                _fill(archive, items)
        except BaseException:
            path.unlink()
            raise
    return path


def remove_exports(state: Path) -> None:
    """Remove what a server left that was killed before it had sent it."""
    shutil.rmtree(state / FOLDER, ignore_errors=True)


def _fill(archive: zipfile.ZipFile, items: Sequence[Mapping[str, Any]]) -> None:
    metadata = []
    for item in items:
        names = {key: f"{key}/{item['image_id']}{get_ending(Path(item[key]))}" for key in ("image", "label")}
        for key, name in names.items():
            archive.write(item[key], name)
        metadata.append({**item, **names})
    archive.writestr("metadata.json", json.dumps(metadata, indent=2))


def get_ending(path: Path) -> str:
    """The part of a file's name that says its format."""
    return ".nii.gz" if path.name.endswith(".nii.gz") else path.suffix
