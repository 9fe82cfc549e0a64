"""Waiting for what must come, however slow the machine is."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PATIENCE_SECONDS = 300
"""After which what has not come fails the test instead of keeping it for ever; nothing that works takes so long."""


def wait_until(
    happened: Callable[[], object],
    what: str,
    *,
    process: "subprocess.Popen[bytes] | subprocess.Popen[str] | None" = None,
) -> None:
    """Return as soon as `happened` says so.

    Args:
        what: the same in words, for the failure.
        process: that has to run until then.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        ended = process is not None and process.poll() is not None  # looked at first: its last act may be to do it
        if happened():
            return
        if ended:
            pytest.fail(f"the process ended before: {what}")
        if time.monotonic() > end:
            pytest.fail(f"in {PATIENCE_SECONDS} s it did not come: {what}")
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether there is such a process that is not merely waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
