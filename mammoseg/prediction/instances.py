"""One SOP Instance UID belongs to one image: two files that share it and differ are never both given results."""

import hashlib
from pathlib import Path
from typing import Any

from mammoseg.data.duplicates import make_uid_taken_error
from mammoseg.files import hash_file, read_json, write_json

INSTANCES = "instances"
"""Folder of the claims among the records."""


def claim_instance(folder: Path, uid: str, path: Path, sha256: str) -> None:
    """Note in `folder` that `path` holds the instance `uid`; a second file with other bytes is refused.

    Holds across processes and runs. A claim is free again when its file is gone or has changed.

    Args:
        sha256: SHA-256 of the bytes at `path`.

    Raises:
        InputRefusedError: ``E_DUPLICATE_UID``.
        OSError: the claim cannot be written.
    """
    claim = folder / f"{hashlib.sha256(uid.encode()).hexdigest()[:32]}.json"
    mine = {"path": str(path.resolve()), "sha256": sha256}
    write_json(claim, mine, first_stays=True)
    if (other := _read(claim)) == mine:
        return
    if other is not None and other["path"] != mine["path"] and other["sha256"] != mine["sha256"]:
        if _is_still_true(other):
            raise make_uid_taken_error(Path(other["path"]))
    write_json(claim, mine)


def _read(claim: Path) -> dict[str, Any] | None:
    try:
        content = read_json(claim)
        return content if all(isinstance(content[key], str) for key in ("path", "sha256")) else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _is_still_true(claim: dict[str, Any]) -> bool:
    try:
        return hash_file(Path(claim["path"])) == claim["sha256"]
    except (OSError, ValueError):  # a path can hold what no system takes
        return False
