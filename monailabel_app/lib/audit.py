"""Who saved, trained, promoted or rolled back what, when; failed logins too: JSON lines, on disk at once.

What cannot be written down is not done; so a line stands before the work, and one that says how it ended after it.
"""

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mammoseg.data.identifiers import hash_with_key, load_key
from mammoseg.errors import MammosegError, say_reason
from monailabel_app.lib.clock import format_now

logger = logging.getLogger(__name__)

FAILURE_SECONDS = 1.0
"""Failed logins within it share a line, so that guessing does not fill the disk."""

TAIL_BYTES = 2**16
"""Longer than any line."""


class AuditLogError(MammosegError):
    """A line cannot be written."""


class AuditLog:
    """Lines in ``audit.jsonl`` of the state folder, numbered; several processes may write at once.

    The number orders them when a clock jumps. Images are named by a keyed hash (`audit.key` beside it), which whoever
    has the key and the id can look up.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "audit.jsonl"
        self._key = load_key(folder / "audit.key")
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._failures = 0
        self._failed_at = float("-inf")

    @contextmanager
    def doing(self, who: str, what: str, *, image: str | None = None, **details: Any) -> Iterator[dict[str, Any]]:
        """A line before the block, and one after it: ``done`` or ``failed``, with the number of the first as ``of``.

        The second is best effort, for what is done is done; without it the server died, or the disk was full.

        Args:
            details: details of the act, as `record` takes them. What the block finds out goes into the dictionary that
                it gets.

        Raises:
            AuditLogError: there is no first line; the block has not run.
        """
        begun = self.record(who, what, image=image, **details)
        found: dict[str, Any] = {}
        end = "failed"
        try:
            yield found
            end = "done"
        finally:
            self._try_to_record(who, f"{what} {end}", of=begun, **found)

    def record(self, who: str, what: str, *, image: str | None = None, **details: Any) -> int:
        """Append one line; it is on disk when this returns.

        Args:
            who: name of the person, as in the token.
            what: ``save``, ``train``, ``promote``, ``rollback``, ...
            image: id of the image.
            details: names of models, tags, versions; nothing of a patient.

        Returns:
            Its number.
        Raises:
            AuditLogError: it cannot be written; then what was to be done must not be.
        """
        line = {"time": format_now("milliseconds"), "who": who, "what": what}
        if image is not None:
            line["image"] = self.hash_image(image)
        try:
            return self._append({**line, **details})
        except OSError as error:
            reason = f"the audit cannot be written ({say_reason(error)}), so nothing is done; make room on the server."
            raise AuditLogError(reason) from error

    def count_failed_login(self, address: str) -> None:
        """Count a failed login; a line holds those since the last, and the address of this one."""
        with self._counting:
            self._failures += 1
            if time.monotonic() - self._failed_at <= FAILURE_SECONDS:
                return
            times, self._failures, self._failed_at = self._failures, 0, time.monotonic()
        self._try_to_record("unknown", "login failed", times=times, address=address)

    def hash_image(self, image: str) -> str:
        """What stands for an image."""
        return hash_with_key(image, self._key)

    def _try_to_record(self, who: str, what: str, **details: Any) -> None:
        try:
            self.record(who, what, **details)
        except AuditLogError as error:
            logger.error("a line of the audit is missing, '%s': %s", what, error)

    def _append(self, line: dict[str, Any]) -> int:
        with self._lock, os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read(TAIL_BYTES)
            is_torn = bool(tail) and not tail.endswith(b"\n")  # the process or the machine died in a line
            number = _find_last_number(tail) + 1
            text = json.dumps({"number": number, **line}, ensure_ascii=False)
            file.write((b"\n" if is_torn else b"") + text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return number


def _find_last_number(tail: bytes) -> int:
    for line in reversed(tail.splitlines()):
        try:
            return int(json.loads(line)["number"])
        except (ValueError, LookupError, TypeError):
            continue
    return 0
