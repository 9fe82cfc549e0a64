"""Results on their way to an archive: nothing that it refuses, or fails over, keeps others back."""

from pathlib import Path

import pytest

from mammoseg.archives.dicomweb.stored import Stored, StoreStatus
from mammoseg.cohort.storing import TOGETHER, Storing
from mammoseg.errors import PartlyRefusedError


class Archive:
    """Refuses some files for good, and answers nothing to a request with some others."""

    def __init__(self, refused=(), fails_over=()):
        self.refused = set(refused)
        self.fails_over = set(fails_over)
        self.asked = 0

    def __call__(self, files):
        self.asked += 1
        stored = [Stored(path, "1.2", StoreStatus.STORED) for path in files]
        if self.fails_over & {path.name for path in files}:
            return [file.as_refused("E_ARCHIVE", "the archive answers HTTP 500.", has_answer=False) for file in stored]
        return [
            file.as_refused("E_ARCHIVE", "it does not take objects of this SOP class.")
            if file.path.name in self.refused
            else file
            for file in stored
        ]


NAMES = [f"{number:03}" for number in range(3 * TOGETHER)]


def test_what_an_archive_refuses_keeps_nothing_behind_it_back():
    archive = Archive(refused=NAMES[:TOGETHER])
    noted = []
    storing = Storing(archive, noted.append, patience=(0, 0))
    for name in NAMES:
        storing.add(name, [Path(name)])
    with pytest.raises(
        PartlyRefusedError, match="of 32 mammograms are not in the archive .E_ARCHIVE: it does not take"
    ):
        storing.finish()
    assert noted == NAMES[TOGETHER:]
    assert archive.asked == 3


def test_what_an_archive_fails_over_keeps_nothing_behind_it_back():
    noted = []
    storing = Storing(Archive(fails_over=NAMES[:1]), noted.append, patience=(0, 0))
    for name in NAMES:
        storing.add(name, [Path(name)])
    with pytest.raises(PartlyRefusedError, match="of 32 mammograms are not in the archive .E_ARCHIVE: .* HTTP 500"):
        storing.finish()
    assert sorted(noted) == NAMES[TOGETHER:]


def test_an_archive_that_does_not_answer_is_asked_once_at_a_time():
    archive = Archive(fails_over=NAMES)
    storing = Storing(archive, lambda key: None, patience=(0,))
    for name in NAMES:
        storing.add(name, [Path(name)])
    assert archive.asked == 3
    with pytest.raises(PartlyRefusedError, match="of 96 mammograms"):
        storing.finish()
    assert archive.asked == 5
