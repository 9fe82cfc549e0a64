"""The present time as records have it: UTC, ISO 8601."""

from datetime import datetime, timezone


def format_now(timespec: str = "seconds") -> str:
    """``2026-01-02T03:04:05+00:00``.

    Args:
        timespec: smallest part that is written, as in `datetime.isoformat`.
    """
    return datetime.now(timezone.utc).isoformat(timespec=timespec)
