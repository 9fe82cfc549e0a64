"""Keyed hashes in place of patient identifiers.

A plain hash of a hospital number can be undone by hashing all numbers; with a secret key (HMAC, RFC 2104) it cannot.
The key is made once and stays with its user, so the same patient has the same code in every datalist that this user
makes and in nobody else's.
"""

import hmac
import os
import secrets
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from mammoseg.errors import MammosegError, say_reason
from mammoseg.files import atomic_path
from mammoseg.folders import is_file

CODE_LENGTH = 16
"""Hexadecimal digits of a code: 64 bits, so that a collision among a million patients has a chance below 1 in 10**7."""


def locate_key_file() -> Path:
    """``mammoseg/patient.key`` in the user's configuration folder (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "mammoseg" / "patient.key"


def load_key(path: Path) -> bytes:
    """Read the key; make it first, readable for its owner only, where there is none.

    Raises:
        MammosegError: others may read the file, it is empty, or it can be neither read nor made.
    """
    try:
        if not path.exists():
            _make_key(path)
        if not is_file(path):  # a pipe would be read for ever
            raise MammosegError(f"the key {path} is no regular file; name another.")
        mode, key = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise MammosegError(
            f"the key {path} can be neither read nor made ({say_reason(error)}); set XDG_CONFIG_HOME to a folder "
            "of your own."
        ) from error
    if os.name == "posix" and mode & 0o077:
        raise MammosegError(f"the key {path} can be read by others, so its hashes hide nothing; run: chmod 600 {path}")
    if not key:
        raise MammosegError(f"the key {path} is empty; restore it, or delete it to get a new one with other codes.")
    return key


def load_key_when_needed(path: Path) -> Callable[[], bytes]:
    """The key of `load_key`: read now where it stands, else made when it is first asked for.

    So a call that is refused before it names anybody makes none.

    Raises:
        MammosegError: as `load_key`.
    """
    if os.path.lexists(path):
        key = load_key(path)
        return lambda: key
    return cache(partial(load_key, path))


def hash_with_key(identifier: str, key: bytes) -> str:
    """HMAC-SHA256 of an identifier, its first `CODE_LENGTH` hexadecimal digits.

    Examples:
        >>> from mammoseg.data.identifiers import hash_with_key
        >>> code = hash_with_key("patient 7", b"a secret of this collection")
        >>> code == hash_with_key("patient 7", b"a secret of this collection")
        True
        >>> code == hash_with_key("patient 7", b"another secret")
        False
    """
    return hmac.digest(key, identifier.encode(), "sha256").hex()[:CODE_LENGTH]


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with atomic_path(path, mode=0o600, first_stays=True) as temporary:  # never over the key of a run beside this one
        temporary.write_bytes(secrets.token_bytes(32))
