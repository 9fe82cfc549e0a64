"""Where the results of a run lie, said when it ends, and that they can lie there, seen before it starts."""

from pathlib import Path

from ignite.engine import Engine, Events

from mammoseg.files import check_folder


class SayWhere:
    """Prints the folder of the results when an engine completes; one that cannot be written to stops it at the start.

    Args:
        folder: folder of the results.
        what: they are, in a word.
    """

    def __init__(self, folder: Path | str, what: str) -> None:
        self.folder = Path(folder)
        self.what = what

    def attach(self, engine: Engine) -> None:
        """Follow `engine`."""
        engine.add_event_handler(Events.STARTED, lambda: check_folder(self.folder))
        engine.add_event_handler(Events.COMPLETED, lambda: print(f"{self.what.capitalize()}: {self.folder}"))
