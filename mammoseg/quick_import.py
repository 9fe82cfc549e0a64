"""Imports of large libraries without the garbage collector, which would walk over every module again and again."""

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType


@contextmanager
def quick_imports() -> Iterator[None]:
    """Imports of what needs torch and MONAI: in 4.9 s instead of 7.4 on the two cores where it was measured.

    What is there then stays to the end of the process, so the collector leaves it alone from here on; otherwise it
    would take 1.9 s, instead of 0.3, to find nothing to free at the exit.

    Ctrl-C takes effect behind the block.

    Examples:
        >>> from mammoseg.quick_import import quick_imports
        >>> with quick_imports():
        ...     from colorsys import rgb_to_hsv
        >>> rgb_to_hsv(0, 0, 1)[2]
        1
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with _interrupts_wait():
            yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def import_quickly(name: str) -> ModuleType:
    """Import a module whose name is known only now, see `quick_imports`."""
    with quick_imports():
        return import_module(name)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Keep Ctrl-C until the block ends: an exception in the middle of an import does not reach who waits for it.

    The C part of a module takes it for a failed import, a callback of the import system drops it, and one that passed
    an ``exec`` makes Python end by the signal though it was caught.
    """
    if threading.current_thread() is not threading.main_thread():  # Python handles no signal in others
        yield
        return
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)
