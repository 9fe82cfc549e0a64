"""When a source is looked over again: at once the first time, later in the background while the old list is given."""

import logging
import threading
import time
from collections.abc import Callable

from monailabel_app.lib.errors import say_error

logger = logging.getLogger(__name__)


class Refresher:
    """Looks a source over, one thread at a time.

    Args:
        scan: brings the index up to date.
        knows_something: whether there is an old list to give.
        seconds: age at which it is due again.

    Attributes:
        trouble: why it failed the last time, in words.
    """

    def __init__(self, scan: Callable[[], None], knows_something: Callable[[], bool], *, seconds: float) -> None:
        self._scan = scan
        self._knows_something = knows_something
        self._seconds = seconds
        self._scanning = threading.Lock()
        self._scanned: float | None = None
        self._is_closed = False
        self.trouble = ""

    def refresh(self) -> None:
        """Look the source over.

        Raises:
            ArchiveError: it does not answer.
        """
        with self._scanning:
            if self._is_closed:
                return
            try:
                self._scan()
                self.trouble = ""
            except Exception as error:
                self.trouble = say_error(error)
                raise
            finally:
                self._scanned = time.monotonic()

    def is_due(self) -> bool:
        """Whether what is known is old."""
        return self._scanned is None or time.monotonic() - self._scanned >= self._seconds

    def refresh_when_due(self) -> None:
        """Look the source over if that is due; wait for it only where nothing is known."""
        if not self.is_due():
            return
        if not self._knows_something():
            self.refresh()
        elif not self._scanning.locked():
            threading.Thread(target=self._refresh_quietly, daemon=True).start()

    def close(self) -> None:
        """Wait for a look that is under way, and take no other."""
        with self._scanning:
            self._is_closed = True

    def _refresh_quietly(self) -> None:
        try:
            self.refresh()
        except Exception as error:  # `trouble` tells it
            logger.error("the images cannot be looked over: %s", type(error).__name__)
