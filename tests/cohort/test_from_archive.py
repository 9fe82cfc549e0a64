"""Mammograms of an archive as those of a cohort: fetched ahead, done once, and what happens when the archive fails."""

import json
import threading
from itertools import count

import pydicom
import pytest

from mammoseg.archives.dicomweb.client import ArchiveError
from mammoseg.cohort.cohort import segment_cohort
from mammoseg.cohort.from_archive import AT_ONCE, MOST_FAILURES, with_archive
from mammoseg.cohort.run import Cohort, run_cohort
from mammoseg.errors import NothingUsableError, PartlyRefusedError, WrongCallError
from tests.archives.conftest import key_of_this_test
from tests.archives.fake_archive import fake_archive
from tests.archives.other_archive import OtherArchive, refuse, send_multipart
from tests.cohort.made_cohort import here, make_mammograms, run_of
from tests.cohort.test_run import table
from tests.made_predictor import BrightIsMass
from tests.waiting import PATIENCE_SECONDS

__all__ = ["key_of_this_test"]

MANY = 3 * MOST_FAILURES
"""Mammograms of the archive."""


@pytest.fixture
def held(tmp_path, monkeypatch):
    """What an archive of many mammograms answers; it is asked without long waits."""
    monkeypatch.setattr("mammoseg.cohort.from_archive.WAITS_SECONDS", (0.01,))
    make_mammograms(tmp_path / "held", MANY)
    return OtherArchive(sorted(tmp_path.glob("held/*/*.dcm")))


NOTHING_CHOSEN = {"study": None, "patient": None, "date": None}


def segment(url, output, processes=here):
    output.mkdir(exist_ok=True)
    run_cohort(with_archive(Cohort((), 0), url, output, ("MG",), {}, NOTHING_CHOSEN), run_of(output), processes)


def test_why_an_archive_has_nothing_is_said_as_by_predict(held, tmp_path):
    with fake_archive(held) as (archive, _):
        for chosen, why in (
            ({}, "has studies that fit the whole archive, but none with a series of RG; --modalities names others"),
            ({"study": "1.2.3"}, "has no study that fits --study"),
        ):
            with pytest.raises(NothingUsableError, match=why):
                with_archive(Cohort((), 0), archive.url, tmp_path, ("RG",), {}, NOTHING_CHOSEN | chosen)


def count_fetched(held):
    return sum(path.count("/") == 6 for path in held.asked)


def test_each_mammogram_of_an_archive_is_fetched_and_done_once_and_its_copy_removed(held, tmp_path):
    with fake_archive(held) as (archive, _):
        for _ in range(2):
            segment(archive.url, tmp_path / "out")
    assert count_fetched(held) == MANY
    uids = {str(pydicom.dcmread(path).SOPInstanceUID) for path in held.files}
    assert {row["key"] for row in table(tmp_path / "out")} == uids
    assert list((tmp_path / "out" / "images").iterdir()) == []


def test_several_are_fetched_at_a_time(held, tmp_path):
    together = threading.Barrier(AT_ONCE)

    def send(request, content):
        together.wait(PATIENCE_SECONDS)
        send_multipart(request, content)

    held.send = send
    assert MANY % AT_ONCE == 0
    with fake_archive(held) as (archive, _):
        segment(archive.url, tmp_path / "out")
    assert len(table(tmp_path / "out")) == MANY


def test_an_archive_that_stays_away_ends_the_run_and_what_came_before_is_kept(held, tmp_path):
    came = count()
    held.send = lambda request, content: request.reply(503) if next(came) >= 5 else send_multipart(request, content)
    with fake_archive(held) as (archive, _):
        with pytest.raises(ArchiveError, match=rf"HTTP 503.* {MOST_FAILURES} images in a row.* is kept"):
            segment(archive.url, tmp_path / "out")
        assert next(came) < 5 + 2 * (MOST_FAILURES + AT_ONCE) + 1  # two attempts each
        assert [row["status"] for row in table(tmp_path / "out")].count("mass found") == 5
        held.send = send_multipart
        segment(archive.url, tmp_path / "out")
    assert [row["status"] for row in table(tmp_path / "out")] == ["mass found"] * MANY


def test_images_that_an_archive_does_not_have_are_noted_at_once_and_keep_no_other_back(held, tmp_path):
    came, noted = count(1), []

    def send(request, content):
        noted.append((tmp_path / "out" / "ledger.jsonl").read_text().count("E_ARCHIVE"))
        refuse(404)(request) if next(came) < MANY else send_multipart(request, content)

    held.send = send
    with fake_archive(held) as (archive, _):
        with pytest.raises(PartlyRefusedError, match=f"{MANY - 1} refused .E_ARCHIVE {MANY - 1}.*same command again"):
            segment(archive.url, tmp_path / "out")
    assert max(noted) >= MANY - 2 * AT_ONCE
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["outcomes"]["mass found"] == 1


def test_a_wrong_password_ends_the_run_at_once(held, tmp_path):
    held.send = lambda request, content: request.reply(401)
    with fake_archive(held) as (archive, _), pytest.raises(WrongCallError, match="password"):
        segment(archive.url, tmp_path / "out")


def test_processes_are_as_many_as_files_and_archive_together_call_for(held, tmp_path, monkeypatch):
    used = []

    def run_with(here, make_job, items, workers, died):
        used.append(workers)
        return ((name, here(path, name)) for path, name in items)

    monkeypatch.setattr("mammoseg.cohort.cohort.run_in_workers", run_with)
    monkeypatch.setattr("mammoseg.prediction.asked.PredictorChoice.__call__", lambda choice: BrightIsMass())
    (tmp_path / "in").mkdir()
    for path in held.files[:3]:
        path.rename(tmp_path / "in" / path.name)
    del held.files[:3]
    with fake_archive(held) as (archive, _):
        segment_cohort(tmp_path / "in", archive=archive.url, output=tmp_path / "out", workers=2 * MANY)
    assert used == [MANY]
