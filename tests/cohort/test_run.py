"""A cohort: each mammogram once, whatever dies."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from mammoseg.archives.dicomweb.stored import Stored, StoreStatus
from mammoseg.archives.send import PartlySentError
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.cohort.cohort import segment_cohort
from mammoseg.cohort.items import find_files, make_item
from mammoseg.cohort.job import CohortJob
from mammoseg.cohort.run import Cohort, run_cohort
from mammoseg.cohort.storing import Storing
from mammoseg.data.phantom_dicom import write_mammogram
from mammoseg.errors import InputRefusedError, NothingUsableError, PartlyRefusedError, StoppedError, WrongCallError
from mammoseg.files import make_unreadable_error
from mammoseg.prediction.options import Options
from tests.cohort.made_cohort import here, in_two, make_mammograms, run_made_cohort, run_of
from tests.made_predictor import BrightIsMass
from tests.waiting import wait_until


@pytest.fixture
def mammograms(tmp_path):
    make_mammograms(tmp_path / "in", 3)
    return tmp_path / "in"


def table(output):
    return pyarrow.parquet.read_table(output / "cohort.parquet").to_pylist()


def written(output):
    return {path: path.stat().st_mtime_ns for path in output.glob("results/*/*") if path.is_file()}


def test_each_mammogram_has_its_results_and_one_row(mammograms, tmp_path, capsys):
    run_made_cohort(mammograms, tmp_path / "out")
    rows = table(tmp_path / "out")
    assert sorted(row["key"] for row in rows) == sorted(map(str, mammograms.glob("*/*.dcm")))
    assert {row["status"] for row in rows} == {"mass found"}
    assert len({row["source_sha256"] for row in rows}) == 3
    for row in rows:
        for kind in ("segmentation", "report", "overlay"):
            assert (tmp_path / "out" / row["folder"] / row[kind]).is_file()
    assert "3 segmented (3 with a mass), 0 refused, 0 not done" in capsys.readouterr().out


def test_a_second_run_does_nothing(mammograms, tmp_path, capsys):
    run_made_cohort(mammograms, tmp_path / "out")
    before = written(tmp_path / "out")
    run_made_cohort(mammograms, tmp_path / "out")
    assert written(tmp_path / "out") == before
    assert "3 mammograms done already" in capsys.readouterr().err


def test_the_page_counts_the_mammograms_by_ending_and_leads_to_the_tables(mammograms, tmp_path, capsys):
    (mammograms / "text.dcm").write_text("no image")
    files, _ = find_files([mammograms], tmp_path / "out")
    (tmp_path / "out").mkdir()
    run = run_of(tmp_path / "out", Options())
    with pytest.raises(PartlyRefusedError):
        run_cohort(Cohort(map(make_item, files), len(files), passed_over=2), run, here)
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    words = " ".join(re.sub("<[^>]*>", " ", page[page.index("<body>") :]).split())
    assert "4 of 4 mammograms done; 3 with a mass, 0 without, 1 refused, 2 passed over" in words
    assert "Ending Mammograms mass found 3 E_NOT_DICOM 1" in words
    for name in re.findall('href="([^"]*)"', page):
        assert (tmp_path / "out" / name).exists()
    assert "2 passed over" in capsys.readouterr().out


def test_a_changed_file_and_another_threshold_are_done_again(mammograms, tmp_path):
    run_made_cohort(mammograms, tmp_path / "out")
    changed = next(mammograms.glob("*/*.dcm"))
    write_mammogram(changed, np.full((80, 60), 200) + np.eye(80, 60, dtype=int))
    run_made_cohort(mammograms, tmp_path / "out")
    assert {row["key"]: row["status"] for row in table(tmp_path / "out")}[str(changed)] == "no mass found"
    run_made_cohort(mammograms, tmp_path / "out", options=Options(threshold=0.999))
    assert len(table(tmp_path / "out")) == 3


def test_a_cohort_that_goes_on_in_another_precision_says_what_it_does_again(mammograms, tmp_path, capsys):
    for precision in ("f32", "bf16"):
        capsys.readouterr()
        predictor = partial(BrightIsMass, replace(BrightIsMass.algorithm, precision=precision))
        files, _ = find_files([mammograms], tmp_path / "out")
        (tmp_path / "out").mkdir(exist_ok=True)
        run = replace(run_of(tmp_path / "out"), algorithm=predictor().algorithm)
        run_cohort(Cohort(map(make_item, files), len(files)), run, partial(in_one, predictor))
    assert "3 files done with f32 before, now again with bf16" in capsys.readouterr().err
    assert {row["precision"] for row in table(tmp_path / "out")} == {"bf16"}


def test_a_cohort_that_goes_on_with_another_engine_keeps_what_is_done_and_says_whose_it_is(
    mammograms, tmp_path, capsys
):
    (mammograms / "text.dcm").write_text("no image, of no engine")
    for engine in ("torch 2.8", "OpenVINO 2026.1", "OpenVINO 2026.1"):
        capsys.readouterr()
        predictor = partial(BrightIsMass, replace(BrightIsMass.algorithm, engine=engine))
        files, _ = find_files([mammograms], tmp_path / "out")
        (tmp_path / "out").mkdir(exist_ok=True)
        run = replace(run_of(tmp_path / "out"), algorithm=predictor().algorithm)
        with pytest.raises(PartlyRefusedError):
            run_cohort(Cohort(map(make_item, files), len(files)), run, partial(in_one, predictor))
    assert "4 mammograms done already, 3 by torch 2.8, left as they are." in capsys.readouterr().err


def in_one(make_predictor, run):
    job = CohortJob(make_predictor, run)
    return lambda items: ((name, job(path, name)) for path, name in items)


def test_weights_that_change_during_a_run_end_it_and_what_is_done_stays_in_the_table(mammograms, tmp_path):
    def replaced(run):
        first, other = CohortJob(BrightIsMass, run), CohortJob(partial(BrightIsMass, changed), run)
        return lambda items: ((name, job(path, name)) for (path, name), job in zip(items, [first, other], strict=False))

    changed = replace(BrightIsMass.algorithm, weights_sha256="cd" * 32)
    with pytest.raises(WeightsError, match="the weights changed during the run"):
        run_made_cohort(mammograms, tmp_path / "out", replaced)
    assert [row["weights_sha256"] for row in table(tmp_path / "out")] == [BrightIsMass.algorithm.weights_sha256]


def test_a_line_that_was_lost_costs_no_second_computation(mammograms, tmp_path):
    run_made_cohort(mammograms, tmp_path / "out")
    (tmp_path / "out" / "ledger.jsonl").unlink()
    before = written(tmp_path / "out")
    run_made_cohort(mammograms, tmp_path / "out")
    assert written(tmp_path / "out") == before
    assert len(table(tmp_path / "out")) == 3


@pytest.mark.parametrize("stows", [False, True])
def test_a_mammogram_whose_result_is_gone_is_done_again_and_no_other(mammograms, tmp_path, stows):
    how = {"storing": storing(archive := Archive())} if stows else {}
    run_made_cohort(mammograms, tmp_path / "out", **how)
    before, stored = written(tmp_path / "out"), list(archive.files) if stows else []
    gone = min(path for path in before if path.suffix == ".dcm")
    gone.unlink()
    run_made_cohort(mammograms, tmp_path / "out", **how)
    after = written(tmp_path / "out")
    assert after.keys() == before.keys()
    anew = {path for path in after if after[path] != before[path]}
    assert gone in anew and {path.name.partition(".")[0] for path in anew} == {gone.name.partition(".")[0]}
    if stows:
        assert gone in archive.files[len(stored) :] and all(path.is_file() for path in archive.files)
        assert all(row["stored"] for row in table(tmp_path / "out"))


def test_results_that_were_deleted_before_they_were_stored_are_made_and_stored(mammograms, tmp_path):
    run_made_cohort(mammograms, tmp_path / "out")
    for path in tmp_path.glob("out/results/*/*.dcm"):
        path.unlink()
    run_made_cohort(mammograms, tmp_path / "out", storing=storing(archive := Archive()))
    assert len(archive.files) == 6 and all(path.is_file() for path in archive.files)


def test_a_modality_that_the_next_call_lets_in_is_done(tmp_path):
    pixels = np.full((80, 60), 900) + np.eye(80, 60, dtype=int)
    write_mammogram(tmp_path / "in" / "rg.dcm", pixels, attributes={"Modality": "RG"})
    for modalities, code in ((("MG",), "E_MODALITY"), (("MG", "RG"), None), (("MG",), None)):
        with pytest.raises(NothingUsableError) if code else nullcontext():
            predictor = partial(BrightIsMass, modalities=modalities)
            run_made_cohort(tmp_path / "in", tmp_path / "out", partial(in_one, predictor))
        assert [row["code"] for row in table(tmp_path / "out")] == [code], "what is done stays so"


def test_a_copy_is_named_as_one_and_other_content_under_the_same_uid_is_refused(mammograms, tmp_path):
    first = min(mammograms.glob("*/*.dcm"))
    (first.parent / "copy.dcm").write_bytes(first.read_bytes())
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    (first.parent / "other.dcm").write_bytes(content)
    with pytest.raises(PartlyRefusedError, match="1 refused .E_DUPLICATE_UID 1"):
        run_made_cohort(mammograms, tmp_path / "out")
    rows = {Path(row["key"]).name: row for row in table(tmp_path / "out")}
    assert rows["copy.dcm"]["copy_of"] == str(first)
    assert rows["other.dcm"]["code"] == "E_DUPLICATE_UID"
    assert len(rows) == 5


def test_nothing_that_can_be_used_is_no_success(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "text.dcm").write_text("no image")
    with pytest.raises(NothingUsableError, match="no mammogram could be used"):
        run_made_cohort(tmp_path / "in", tmp_path / "out")
    assert table(tmp_path / "out")[0]["status"] == "refused"


def test_a_file_that_a_process_never_gave_back_is_said_and_tried_again(mammograms, tmp_path):
    def loses_one(run):
        whole = here(run)

        def over(items):
            rows = whole(items)
            next(rows)
            return rows

        return over

    with pytest.raises(PartlyRefusedError, match="0 refused .none., 1 not done"):
        run_made_cohort(mammograms, tmp_path / "out", loses_one)
    run_made_cohort(mammograms, tmp_path / "out")
    assert len(table(tmp_path / "out")) == 3


@dataclass
class Refuses(BrightIsMass):
    """Takes no image."""

    error: InputRefusedError = InputRefusedError("E_NETWORK", "it fails.")

    def __call__(self, path):
        raise self.error


def test_a_storage_that_fails_for_a_while_costs_no_mammogram(mammograms, tmp_path):
    error = make_unreadable_error(OSError(116, "Stale file handle"))
    with pytest.raises(NothingUsableError):
        run_made_cohort(mammograms, tmp_path / "out", partial(in_one, partial(Refuses, error=error)))
    assert {row["code"] for row in table(tmp_path / "out")} == {"E_NOT_A_FILE"}
    run_made_cohort(mammograms, tmp_path / "out")
    assert {row["status"] for row in table(tmp_path / "out")} == {"mass found"}


@pytest.mark.parametrize("what", ["settings", "bytes", "nothing"])
def test_results_of_a_mammogram_that_is_refused_now_do_not_outlast_its_settings_and_its_bytes(
    mammograms, tmp_path, what
):
    run_made_cohort(mammograms, tmp_path / "out")
    if what == "bytes":
        for path in mammograms.glob("*/*.dcm"):
            path.write_bytes(path.read_bytes() + b"changed")
    (tmp_path / "out" / "ledger.jsonl").unlink()
    for path in tmp_path.glob("out/results/*/*.overlay.png"):
        path.unlink()  # so that they are tried again
    options = Options(threshold=0.999) if what == "settings" else Options()
    with pytest.raises(NothingUsableError):
        run_made_cohort(mammograms, tmp_path / "out", partial(in_one, Refuses), options)
    assert len(written(tmp_path / "out")) == (6 if what == "nothing" else 0)


def test_images_of_a_datalist_are_items_once(tmp_path):
    from mammoseg.data.datalist import write_datalist
    from mammoseg.data.phantom import generate_cohort
    from mammoseg.data.splits import SplitRule, split_records

    sections, _ = split_records(generate_cohort(tmp_path / "ph", patients=3, size=64), SplitRule(), seed=0)
    file = tmp_path / "ph" / "datalist.json"
    write_datalist(file, name="ph", source="phantom", seed=0, license=None, sections=sections)
    files, _ = find_files([file, tmp_path / "ph" / "images"], tmp_path / "out")
    assert len(files) == len({make_item(path).name for path in files}) == 6


def test_a_call_that_cannot_be_is_refused_before_anything_is_loaded_or_made(mammograms, tmp_path):
    for wrong in (
        *({"precision": "f8"}, {"threshold": 2.0}, {"objects": "seg,xyz"}, {"profile": "xyz"}),
        *({"min_area_pixels": -1.0}, {"objects": "seg", "no_empty_seg": True}),
    ):
        with pytest.raises(WrongCallError):
            segment_cohort(mammograms, output=tmp_path / "out", **wrong)
    with pytest.raises(NothingUsableError, match="there is no file"):
        segment_cohort(tmp_path / "nowhere", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Archive:
    """Takes files when it is there; remembers each."""

    def __init__(self, away=0):
        self.away = away
        self.files = []

    def __call__(self, files):
        if self.away:
            self.away -= 1
            raise PartlySentError("the archive does not answer.")
        self.files += files
        return [Stored(path, "1.2", StoreStatus.STORED) for path in files]


def storing(archive, **how):
    return lambda stored: Storing(archive, stored, **how)


def test_results_are_stored_once_though_the_archive_is_away_for_a_while(mammograms, tmp_path):
    archive = Archive(away=2)
    for _ in range(2):
        run_made_cohort(mammograms, tmp_path / "out", storing=storing(archive, patience=(0, 0)))
    assert len(archive.files) == len(set(archive.files)) == 6
    assert all(row["stored"] for row in table(tmp_path / "out"))


def test_what_the_archive_did_not_take_is_stored_by_the_next_run(mammograms, tmp_path):
    with pytest.raises(PartlyRefusedError, match="of 3 mammograms are not in the archive .the archive does not answer"):
        run_made_cohort(mammograms, tmp_path / "out", storing=storing(Archive(away=9), patience=(0,)))
    before = written(tmp_path / "out")
    archive = Archive()
    run_made_cohort(mammograms, tmp_path / "out", storing=storing(archive))
    assert len(archive.files) == 6
    assert written(tmp_path / "out") == before


def test_another_archive_gets_the_results_too_and_the_first_not_again(mammograms, tmp_path):
    first, other = Archive(), Archive()
    for archive, url in (
        (first, "https://a/dicom-web"),
        (other, "https://b/dicom-web"),
        (first, "https://a/dicom-web"),
    ):
        run_made_cohort(mammograms, tmp_path / "out", storing=storing(archive), stow=url)
    assert sorted(first.files) == sorted(other.files)
    assert len(first.files) == 6


def test_results_of_other_settings_and_of_a_file_that_changed_since_are_not_stored(mammograms, tmp_path, monkeypatch):
    monkeypatch.setattr("mammoseg.cohort.storing.TOGETHER", 1)
    for options in (Options(), Options(threshold=0.999)):
        run_made_cohort(mammograms, tmp_path / "out", options=options)
    with pytest.raises(StoppedError):
        run_made_cohort(mammograms, tmp_path / "out", stopped, storing=storing(archive := Archive()))
    assert archive.files == table(tmp_path / "out") == []
    run_made_cohort(mammograms, tmp_path / "out")
    next(mammograms.glob("*/*.dcm")).write_text("no image any more")
    with pytest.raises(PartlyRefusedError, match="1 refused .E_NOT_DICOM 1"):
        run_made_cohort(mammograms, tmp_path / "out", storing=storing(archive))
    assert len(archive.files) == 4


def stopped(run):
    def over(items):
        list(items)
        raise KeyboardInterrupt

    return over


def test_how_a_call_ends_follows_from_its_own_mammograms(mammograms, tmp_path, capsys):
    (mammograms / "text.dcm").write_text("no image")
    with pytest.raises(PartlyRefusedError):
        run_made_cohort(mammograms, tmp_path / "out")
    capsys.readouterr()
    run_made_cohort(mammograms / "000", tmp_path / "out")
    assert "3 segmented (3 with a mass), 0 refused" in capsys.readouterr().out
    with pytest.raises(NothingUsableError):
        run_made_cohort(mammograms / "text.dcm", tmp_path / "out")
    assert len(table(tmp_path / "out")) == 4


def start(mammograms, output):
    command = [sys.executable, "-m", "tests.cohort.made_cohort", str(mammograms), str(output)]
    return subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_in_the_middle(mammograms, output, seed):
    """Kill the run, or one of its processes, after some more mammograms have ended; whether it was ended by that."""
    chance = random.Random(seed)
    before = len(list(output.glob("results/*/*.seg.dcm")))
    run = start(mammograms, output)

    def came_further():
        return run.poll() is not None or len(list(output.glob("results/*/*.seg.dcm"))) > before + chance.randrange(4)

    wait_until(came_further, "some more mammograms are done")
    time.sleep(chance.random() / 20)
    victims = [run.pid, *children_of(run.pid)] if run.poll() is None else []
    if not victims:
        return
    victim = chance.choice(victims)
    os.kill(victim, signal.SIGKILL)
    run.wait()


def check_whole(mammograms, output):
    rows = table(output)
    assert sorted(row["key"] for row in rows) == sorted(map(str, mammograms.glob("*/*.dcm")))
    assert {row["status"] for row in rows} == {"mass found"}
    files = {output / row["folder"] / row[kind] for row in rows for kind in ("segmentation", "report", "overlay")}
    assert {path for path in output.glob("results/*/*") if path.is_file()} == files


def test_nothing_is_lost_or_done_twice_when_the_run_and_its_processes_are_killed(tmp_path):
    make_mammograms(tmp_path / "in", 24)
    for seed in range(2):
        kill_in_the_middle(tmp_path / "in", tmp_path / "out", seed)
    run_made_cohort(tmp_path / "in", tmp_path / "out", in_two)
    check_whole(tmp_path / "in", tmp_path / "out")


@pytest.mark.slow
def test_nothing_is_lost_or_done_twice_by_thirty_kills(tmp_path):
    make_mammograms(tmp_path / "in", 300)
    for seed in range(100, 130):
        kill_in_the_middle(tmp_path / "in", tmp_path / "out", seed)
    run_made_cohort(tmp_path / "in", tmp_path / "out", in_two)
    check_whole(tmp_path / "in", tmp_path / "out")
