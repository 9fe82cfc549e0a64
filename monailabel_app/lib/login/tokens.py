"""Static tokens for a lab: a file of mode 600 with their hashes; the token itself is shown once, when it is made."""

import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.files import sole_writer, write_json
from monailabel_app.lib.clock import format_now
from monailabel_app.lib.login.roles import Person, Role, parse_roles
from monailabel_app.lib.login.sessions import hash_secret

PREFIX = "mammoseg_"
"""So that scanners of repositories find a token that someone committed."""


class TokenFile:
    """Reads the file again when it changes, so that a token is made or revoked without a restart.

    Raises:
        MammosegError: others may read the file, or it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, ...] | None = None
        self._people: dict[str, Person] = {}
        self._refresh()

    def __bool__(self) -> bool:
        self._refresh()
        return bool(self._people)

    def find_person(self, token: str) -> Person | None:
        """Whom a token stands for; None for an unknown one."""
        self._refresh()
        return self._people.get(hash_secret(token))

    def _refresh(self) -> None:
        try:
            state = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._people = None, {}
            return
        if (stamp := (state.st_mtime_ns, state.st_ino, state.st_size, state.st_mode)) != self._stamp:
            entries = read_tokens(self.path)
            self._people = {entry["sha256"]: Person(entry["name"], parse_roles(entry["roles"])) for entry in entries}
            self._stamp = stamp


def make_token(path: Path, *, name: str, role: str) -> str:
    """Add a token for a person and return it; it is written nowhere else.

    Args:
        role: one or several of viewer, annotator, trainer, admin, with commas.

    Raises:
        WrongCallError: an unknown role, or no name.
    """
    asked = role.split(",")
    if unknown := [part for part in asked if part not in [known.value for known in Role]]:
        raise WrongCallError(f"unknown role '{unknown[0]}'; known: {', '.join(known.value for known in Role)}.")
    if not name.strip() or not name.isprintable() or len(name) > 64:
        raise WrongCallError("--name is empty, longer than 64 letters or not printable; it stands in the audit.")
    token = PREFIX + secrets.token_urlsafe(32)
    made = format_now()
    _change(
        path, lambda entries: [*entries, {"name": name, "roles": asked, "sha256": hash_secret(token), "made": made}]
    )
    return token


def revoke_tokens(path: Path, *, name: str) -> int:
    """Remove all tokens of a person and return how many there were."""
    before = len(read_tokens(path)) if path.exists() else 0
    _change(path, lambda entries: [entry for entry in entries if entry["name"] != name])
    return before - len(read_tokens(path))


def read_tokens(path: Path) -> list[dict[str, Any]]:
    """Entries of the file: name, roles, sha256, made.

    Raises:
        MammosegError: others may read the file, or it is no such file.
    """
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise MammosegError(f"the tokens in {path} can be read or changed by others; run: chmod 600 {path}")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["tokens"]
        if all(isinstance(entry["name"], str) and len(entry["sha256"]) == 64 for entry in entries):
            return [entry | {"roles": list(entry["roles"])} for entry in entries]
    except (ValueError, LookupError, TypeError):
        pass
    raise MammosegError(f"{path} is no file of tokens; delete it and make them anew.")


def _change(path: Path, change: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with sole_writer(path.parent, path.with_suffix(".lock")):
        entries = read_tokens(path) if path.exists() else []
        write_json(path, {"tokens": change(entries)}, mode=0o600)
