"""A folder with everything that a disk can hold and a search can stumble over."""

import os
from pathlib import Path

from tests.hostile.case import write_good

GOOD = ("good.dcm", "deep/too.dcm")
"""What can be read."""

NO_FILES = ("dangling.dcm", "loop.dcm", "no-utf8-\udcff.dcm", "pipe.dcm", "self.dcm", "there.dcm")
"""Names that are tried and refused: they lead to no regular file, or no table can hold them."""

PASSED_OVER = 3
"""Links to folders, and a link that leads out to a device."""


def make_trap(folder: Path) -> Path:
    """Two good files, every kind of name that is no file, links to folders, and a name that is no UTF-8."""
    folder.mkdir(parents=True)
    write_good(folder, name="good.dcm")
    (folder / "deep").mkdir()
    write_good(folder / "deep", name="too.dcm", study="another")
    (folder / "self.dcm").symlink_to("self.dcm")
    (folder / "loop.dcm").symlink_to("there.dcm")
    (folder / "there.dcm").symlink_to("loop.dcm")
    (folder / "dangling.dcm").symlink_to("gone.dcm")
    (folder / "above").symlink_to(".")
    (folder / "out").symlink_to("/")
    (folder / "zero.dcm").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.dcm")
    write_good(folder, name=os.fsdecode(b"no-utf8-\xff.dcm"), study="a third")
    return folder


def make_unreadable(folder: Path) -> Path:
    """A folder that nobody can list, root neither: its path is longer than the system takes."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)  # noqa: PTH102  # no path leads there, that is the point
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    return folder
