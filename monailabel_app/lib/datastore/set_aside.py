"""What is found in the state folder and can be neither used nor thrown away: kept in a folder of its own, and told."""

import logging
from collections.abc import Iterable
from pathlib import Path

logger = logging.getLogger(__name__)

NAME = "set_aside"


class SetAside:
    """A folder in which nothing is read, so that nothing in it can stop a server: in it a folder a label.

    Args:
        parent: the state of one source.
    """

    def __init__(self, parent: Path) -> None:
        self._folder = parent / NAME

    def take(self, name: str, files: Iterable[Path], reason: str) -> None:
        """Move those of the files that exist into the folder `name`; ``why.txt`` beside them and the log say why."""
        own = self._folder / name
        own.mkdir(parents=True, exist_ok=True, mode=0o700)
        (own / "why.txt").write_text(f"{reason}\n", encoding="utf-8")
        for path in files:
            if path.exists():
                path.replace(own / path.name)
        logger.error("a label cannot be used and is kept in %s: %s", own, reason)

    def say_trouble(self) -> str:
        """What is to be told of it; empty where nothing is here."""
        count = len(list(self._folder.glob("*")))
        if not count:
            return ""
        return f"{count} {'label' if count == 1 else 'labels'} could not be used; see {NAME} in the state folder."
