"""Jobs for worker processes; they stand in a module of their own, since a process imports its job by name."""

import os
import signal
import sys
import time
from pathlib import Path

from mammoseg.prediction.table import Row, Status


class Slow:
    """Takes a moment for each file; ends its process when a file is named so."""

    def __call__(self, path: Path, name: str) -> Row:
        time.sleep(0.05)
        if path.name == "killer":
            os.kill(os.getpid(), signal.SIGKILL)
        return Row(str(os.getpid()), Status.NOTHING)


class Endless:
    """Says which process it runs in, and never ends a file."""

    def __call__(self, path: Path, name: str) -> Row:
        path.write_text(str(os.getpid()))
        time.sleep(1000)
        raise AssertionError


class Interrupted:
    """Gets a Ctrl-C for each file."""

    def __call__(self, path: Path, name: str) -> Row:
        os.kill(os.getpid(), signal.SIGINT)
        return Row(path.name, Status.NOTHING)


class ImportsSeen:
    """Says which modules its process had imported when it was made."""

    def __init__(self) -> None:
        self.modules = " ".join(sys.modules)

    def __call__(self, path: Path, name: str) -> Row:
        return Row(path.name, Status.NOTHING, notes=self.modules)
