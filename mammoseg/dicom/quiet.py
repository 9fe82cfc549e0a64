"""Silence for libraries that quote header values, patient names among them, in their warnings."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_header_values_in_warnings() -> Iterator[None]:
    """Drop warnings and log records up to WARNING of pydicom, highdicom and all others while the block runs.

    pydicom and highdicom write the offending value into the text ("The string ... is unlikely to represent the
    intended person name"), so there is no way to keep the warning and lose the name.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
