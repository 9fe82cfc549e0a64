"""Silence for libraries that quote header values, patient names among them, in their warnings."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_lock = threading.Lock()
_inside = 0
_silence = ExitStack()


@contextmanager
def no_header_values_in_warnings() -> Iterator[None]:
    """Drop warnings and log records up to WARNING of pydicom, highdicom and all others while the block runs.

    pydicom and highdicom write the offending value into the text ("The string ... is unlikely to represent the
    intended person name"), so there is no way to keep the warning and lose the name.

    Both settings belong to the whole process: in a server the first thread that enters makes it silent and the last
    that leaves ends that, in whatever order they come. What must be kept, as an audit, is not for `logging`.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside
    with _lock:
        if _inside == 0:
            _silence.callback(logging.disable, logging.root.manager.disable)
            logging.disable(logging.WARNING)
            _silence.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0:
            _silence.close()
