"""What an exported folder holds, byte for byte, and the same as one archive."""

import json
import zipfile
from pathlib import Path
from typing import Any

from mammoseg.errors import MammosegError
from mammoseg.files import as_printable, hash_file, write_json

MANIFEST = "manifest.json"

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment a zip can express; every file gets it, so that the same files make the same archive."""


class ManifestError(MammosegError):
    """An exported folder is not what its manifest says."""


def write_manifest(folder: Path, **about: Any) -> None:
    """List every file of `folder` with its SHA-256 in ``manifest.json``, after what `about` says of the whole."""
    write_json(folder / MANIFEST, {**about, "files": _hash_files(folder)})


def check_manifest(folder: Path) -> None:
    """Compare a folder with its manifest; what Python and runs add (``__pycache__``, new files) is no difference.

    Raises:
        ManifestError: naming the first files that are missing or changed.
    """
    try:
        listed = dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"])
    except Exception as error:  # JSON of any form
        raise ManifestError(f"{folder / MANIFEST} lists no files; unpack its archive again.") from error
    found = _hash_files(folder)
    wrong = [
        f"{as_printable(name)} {'differs' if name in found else 'is missing'}"
        for name in listed
        if found.get(name) != listed[name]
    ]
    if wrong:
        raise ManifestError(f"{folder} is not as it was exported: {', '.join(wrong[:3])}; unpack its archive again.")


def write_zip(folder: Path, path: Path) -> None:
    """Zip `folder` under its name, uncompressed (weights do not shrink): the same bytes wherever it is made."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in _list_files(folder):
            entry = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}", EARLIEST)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # a plain file of Unix
            entry.file_size = file.stat().st_size
            with file.open("rb") as source, archive.open(entry, "w") as target:
                while block := source.read(1 << 20):
                    target.write(block)


def _hash_files(folder: Path) -> dict[str, str]:
    files = {file.relative_to(folder).as_posix(): file for file in _list_files(folder)}
    return {name: hash_file(file) for name, file in files.items() if name != MANIFEST}


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
