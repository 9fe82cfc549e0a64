"""New Patient IDs and UIDs in place of the old ones, and the file that leads back."""

import hmac
import json
import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from mammoseg.data.identifiers import hash_with_key
from mammoseg.dicom.gate import is_uid
from mammoseg.errors import MammosegError
from mammoseg.files import atomic_path, read_json, sole_writer

Names = dict[str, dict[str, str]]

MOST_BYTES = 2**30
"""Longest map that is read: names of a million images have a fifth of that."""


class IdentityMap:
    """Old name to new name, always the same: from the file where it stands there, else computed with the key.

    So two runs with one key agree even where the file of the first was lost, and two with one file where the key was.

    Args:
        key: gives the secret, see `mammoseg.data.identifiers.load_key_when_needed`.
        path: JSON ``{"patients": {old: new}, "uids": {old: new}}`` of mode 600; need not exist yet.
    Raises:
        MammosegError: others may read the file, or it is damaged.
    """

    def __init__(self, key: Callable[[], bytes], path: Path) -> None:
        self.key = key
        self.path = path
        self.names = _read(path)

    def derive_patient_id(self, old: str) -> str:
        """The keyed hash that stands for a Patient ID; empty for an empty one."""
        return self.names["patients"].setdefault(old, hash_with_key(old, self.key())) if old else ""

    def derive_uid(self, old: str) -> str:
        """The UID below 2.25 (PS3.5 B.2) that stands for `old`."""
        digest = hmac.digest(self.key(), f"UID {old}".encode(), "sha256")
        return self.names["uids"].setdefault(old, f"2.25.{UUID(bytes=digest[:16], version=4).int}")

    def save(self) -> None:
        """Write the file, whole or not at all, with what another run has put there meanwhile; none without a name."""
        if not any(self.names.values()):
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with sole_writer(self.path.parent, self.path.with_suffix(".lock"), waits=True):
            self._save()

    def _save(self) -> None:
        standing = _read(self.path)
        content = {kind: standing[kind] | names for kind, names in self.names.items()}
        with atomic_path(self.path, mode=0o600) as temporary, temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)


def _is_code(name: str) -> bool:
    """Whether a Patient ID can be written as it is: PS3.5 6.2, LO."""
    return 0 < len(name) <= 64 and name.isprintable() and "\\" not in name


def _read(path: Path) -> Names:
    if not path.exists():
        return {"patients": {}, "uids": {}}
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise MammosegError(f"the map {path} can be read by others, and it names patients; run: chmod 600 {path}")
    try:
        content = read_json(path, most_bytes=MOST_BYTES)
        names = {kind: {str(old): str(new) for old, new in content[kind].items()} for kind in ("patients", "uids")}
        if not (all(map(is_uid, names["uids"].values())) and all(map(_is_code, names["patients"].values()))):
            raise ValueError("a new name is none")
        return names
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MammosegError(f"the map {path} is damaged; restore it, or name another --map_file.") from error
