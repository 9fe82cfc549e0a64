"""A folder that one process at a time may change: wait for it, then hold it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mammoseg.errors import MammosegError
from mammoseg.files import sole_writer

PAUSE_SECONDS = 0.02


@contextmanager
def held(folder: Path, lock: Path, *, seconds: float) -> Iterator[None]:
    """Hold `folder` by its `lock` file for the block.

    Args:
        seconds: longest wait for who has it.
    Raises:
        MammosegError: another process has it for longer.
    """
    end = time.monotonic() + seconds
    with ExitStack() as holding:
        while True:
            try:
                holding.enter_context(sole_writer(folder, lock))
                break
            except MammosegError:
                if time.monotonic() > end:
                    raise
            time.sleep(PAUSE_SECONDS)
        yield
