"""Two files of one run that claim to be the same image and are not."""

import filecmp
from dataclasses import dataclass, field
from pathlib import Path

from mammoseg.errors import InputRefusedError
from mammoseg.files import as_printable, make_unreadable_error


@dataclass
class SeenInstances:
    """The SOP Instance UIDs of one run. A result refers to its source by that UID alone, so it must mean one file."""

    _first: dict[str, Path] = field(default_factory=dict)

    def admit(self, uid: str | None, path: Path) -> bool:
        """Let a file in, unless its UID stood in a file of other bytes before; a copy is let in.

        Args:
            uid: SOP Instance UID of the file; None where it has none.

        Returns:
            whether it is the first; False for a copy.

        Raises:
            InputRefusedError: ``E_DUPLICATE_UID``; ``E_NOT_A_FILE`` where one of the two cannot be read.
        """
        if uid is None:
            return True
        first = self._first.setdefault(uid, path)
        if first is path:
            return True
        try:
            is_copy = filecmp.cmp(first, path, shallow=False)
        except OSError as error:
            raise make_unreadable_error(error) from error
        if not is_copy:
            raise make_uid_taken_error(first)
        return False


def make_uid_taken_error(first: Path) -> InputRefusedError:
    """The refusal of a file whose SOP Instance UID another file with other bytes had before.

    Args:
        first: file that had the UID before.
    """
    reason = f"its SOP Instance UID is that of {as_printable(first)}, with other content; give one."
    return InputRefusedError("E_DUPLICATE_UID", reason)
