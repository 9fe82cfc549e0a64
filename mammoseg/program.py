"""Another program that runs as long as a block lasts, and ends however this process ends."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    seconds: float = 30,
    output: IO[str] | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program and end it with the block; on Linux it gets SIGTERM too when the thread that started it is gone.

    Args:
        seconds: that it may take to end before it is killed.
        output: gets what it says; ours where it is None.
    """
    process = subprocess.Popen(
        list(command), stdout=output, stderr=output, cwd=folder, env=environment, preexec_fn=_end_with_parent
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_with_parent() -> None:
    if _LIBC:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
