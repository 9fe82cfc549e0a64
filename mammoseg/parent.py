"""Processes that end with the one that started them, however that one ends."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(parent: int) -> None:
    """Have this process, and what it becomes by exec, get SIGTERM as soon as the thread that started it is gone.

    On Linux; elsewhere it does nothing. Call it first of all in the new process.

    Args:
        parent: id of the process that started this one; where that is gone already, this one ends now.
    """
    if _LIBC:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
