"""The border to parsers of others, which raise what they come upon: nobody keeps a list of it, the call is bounded."""

from collections.abc import Iterator
from contextlib import contextmanager

from mammoseg.errors import InputRefusedError, MammosegError


@contextmanager
def refused_as(code: str, reason: str) -> Iterator[None]:
    """A block that looks into a file of a stranger; whatever is raised over it refuses the file.

    What is ours passes, as it has a better reason, and so does a lack of memory, which may be nobody's fault.

    Args:
        code: stable name of the refusal, ``E_...``.
        reason: sentence for a person; the text of the error, which may quote the file, is left out.
    Raises:
        InputRefusedError: whatever was raised.

    Examples:
        >>> from mammoseg.border import refused_as
        >>> with refused_as("E_TABLE", "the table has no number."):
        ...     int("Jane Doe")
        Traceback (most recent call last):
        mammoseg.errors.InputRefusedError: E_TABLE: the table has no number.
    """
    try:
        yield
    except (MammosegError, MemoryError):
        raise
    except Exception as error:
        raise InputRefusedError(code, reason) from error


@contextmanager
def passed_over() -> Iterator[None]:
    """A block that looks for something in a file of a stranger that may well lack it; whatever is raised only ends it.

    So does a refusal of the file; what else is ours passes, and so does a lack of memory.
    """
    try:
        yield
    except InputRefusedError:
        return
    except (MammosegError, MemoryError):
        raise
    except Exception:
        return
