"""One image to one person: who was given an image has it until the lease ends, also when the server starts anew."""

import time
from collections.abc import Callable

from monailabel_app.lib.datastore.index import Index

LEASE_SECONDS = 1800.0
"""Half an hour: long enough to draw, short enough that an image of one who went home comes back."""


class Leases:
    """Leases of images.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, index: Index, clock: Callable[[], float] = time.time) -> None:
        self._index = index
        self._clock = clock

    def take(self, image_id: str, user: str, seconds: float = LEASE_SECONDS) -> bool:
        """Give the image to `user`, or prolong what he has; False while another has it."""
        now = self._clock()
        return bool(
            self._index.change(
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (image_id) DO UPDATE SET user = excluded.user, "
                "until = excluded.until WHERE user = excluded.user OR until <= ?",
                *(image_id, user, now + seconds, now),
            )
        )

    def find_holder(self, image_id: str) -> str | None:
        """Who has the image now; None where nobody has."""
        found = self._index.ask("SELECT user FROM leases WHERE image_id = ? AND until > ?", image_id, self._clock())
        return found[0][0] if found else None

    def release(self, image_id: str, user: str) -> None:
        """Give the image back, if `user` has it."""
        self._index.change("DELETE FROM leases WHERE image_id = ? AND user = ?", image_id, user)
