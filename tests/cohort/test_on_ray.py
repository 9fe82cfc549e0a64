"""A cohort on Ray, started here for the test: pip install 'mammoseg[ray]'."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.errors import MammosegError, OutputError
from mammoseg.prediction.table import Row, Status
from tests.cohort.made_cohort import job, make_mammograms, run_made_cohort
from tests.cohort.test_run import check_whole

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own are many: deprecated names, processes left to themselves

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'mammoseg[ray]'")


@pytest.fixture(scope="module")
def workers():
    from mammoseg.cohort.on_ray import connect_to_ray

    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # its processes import this module, too
    yield connect_to_ray("local", 2)
    ray.shutdown()


class KilledOnce:
    """Kills its process at the first file; a file notes that it did."""

    def __init__(self, note: Path) -> None:
        self.note = note

    def __call__(self, path: Path, name: str) -> Row:
        if not self.note.exists():
            self.note.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Row(str(path), Status.NOTHING)


class KilledAlways:
    """Kills its process at one file, every time."""

    def __call__(self, path: Path, name: str) -> Row:
        if name == "ab/5":
            os.kill(os.getpid(), signal.SIGKILL)
        return Row(str(path), Status.NOTHING)


class Ended:
    def __init__(self, error: MammosegError) -> None:
        self.error = error

    def __call__(self, path: Path, name: str) -> Row:
        raise self.error


def on_ray(run, workers):
    from mammoseg.cohort.on_ray import run_on_ray

    return lambda items: run_on_ray(job(run), items, workers)


def test_every_mammogram_is_done_once(workers, tmp_path):
    make_mammograms(tmp_path / "in", 30)
    run_made_cohort(tmp_path / "in", tmp_path / "out", partial(on_ray, workers=workers))
    check_whole(tmp_path / "in", tmp_path / "out")


def test_files_of_a_killed_process_are_done_by_another(workers, tmp_path):
    from mammoseg.cohort.on_ray import run_on_ray

    items = [(Path(str(number)), f"ab/{number}") for number in range(20)]
    rows = list(run_on_ray(partial(KilledOnce, tmp_path / "note"), items, workers))
    assert sorted(name for name, _ in rows) == sorted(name for _, name in items)


def test_a_file_that_kills_every_process_is_refused_and_takes_no_other_along(workers):
    from mammoseg.cohort.on_ray import run_on_ray

    items = [(Path(str(number)), f"ab/{number}") for number in range(20)]
    rows = dict(run_on_ray(KilledAlways, items, workers))
    assert rows.keys() == {name for _, name in items}
    assert {name: row.code for name, row in rows.items() if row.status is Status.REFUSED} == {"ab/5": "E_WORKER"}


@pytest.mark.parametrize("error", [OutputError("the disk is full."), WeightsError("the weights changed.")])
def test_what_every_further_file_would_meet_ends_the_run(error, workers):
    from mammoseg.cohort.on_ray import run_on_ray

    with pytest.raises(type(error), match=str(error)):
        list(run_on_ray(partial(Ended, error), [(Path("a"), "ab/a")], workers))
