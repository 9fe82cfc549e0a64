"""What a step says in this process, in a file; streams and logging are afterwards as they were before.

A bundle's run configures logging by ``logging.config.fileConfig``, which closes every handler that there is and leaves
its own. With the streams turned to a file, one of the closed (absl's) takes the stream that it knew for a file of its
own and closes that, too; and what is left would write to a file that is closed soon.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import TextIO


@contextlib.contextmanager
def said_in(log: TextIO) -> Iterator[None]:
    """Let output and logging of the block go to a file, and put all back.

    Args:
        log: open for writing.
    """
    alive = logging._handlerList  # type: ignore[attr-defined]  # private, of logging: all handlers that can be closed
    before, of_root, level = alive[:], logging.root.handlers[:], logging.root.level
    alive.clear()  # out of reach of whoever closes them all
    try:
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            yield
    finally:
        alive[:] = before
        logging.root.handlers[:] = of_root
        logging.root.setLevel(level)
