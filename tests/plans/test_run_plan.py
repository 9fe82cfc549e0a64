"""`mammoseg run` trains what a plan says, goes on after a kill, joins folds and says what became of every step."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.evaluation.lesion_tables import read_curve, read_marks
from mammoseg.evaluation.tables import read_per_image
from mammoseg.files import sole_writer
from mammoseg.metrics.froc import compute_froc
from mammoseg.plans.record import keep_comparison, record_plan
from mammoseg.plans.run_plan import LOCK, run
from tests.tiny_run import write_tiny_dataset
from tests.waiting import is_running, wait_until

TINY = {"spatial_size": [32, 32], "network_def::channels": [4, 8, 16], "batch_size": 2, "max_epochs": 1}


def write_plan(folder: Path, *runs: dict, **more) -> Path:
    """A plan over the twelve pictures of `write_tiny_dataset`."""
    write_tiny_dataset(folder / "data")
    content = {"name": "tiny", "datasets": {"discs": {"dataset_dir": "data"}}, "runs": list(runs), **more}
    (folder / "plan.json").write_text(json.dumps(content))
    return folder / "plan.json"


def a_run(name: str, **words) -> dict:
    return {"name": name, "bundle": "unet", "dataset": "discs", "overrides": TINY, **words}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A plan of two seeds, and of three folds that start from the first of them, carried out in this process."""
    folder = tmp_path_factory.mktemp("plan")
    folds = a_run(
        "folds",
        folds=[0, 1, 2],
        start_from="seeds",
        overrides={"batch_size": 2, "max_epochs": 1},
        scores=[
            {"name": "out_of_fold", "section": "validation"},
            {"name": "test", "section": "test", "mean_of_folds": True},
        ],
    )
    run(write_plan(folder, a_run("seeds", seeds=[0, 1]), folds), output=folder / "out")
    return folder


def results(folder: Path, name: str, score: str, metric: str = "dice", grid: str = "network") -> dict:
    with (folder / "out" / "runs.csv").open(newline="") as file:
        (row,) = [
            row
            for row in csv.DictReader(file)
            if (row["run"], row["score"], row["metric"], row["grid"]) == (name, score, metric, grid)
        ]
    return row


def dice_of(path: Path) -> list[float]:
    return [row["dice"] for row in read_per_image(path / "per_image.csv") if row["grid"] == "network"]


def test_mean_and_sd_of_runs_are_over_seeds_and_those_of_images_over_images(done):
    seeds = [dice_of(done / "out" / "runs" / "seeds" / f"seed-{seed}" / "scores" / "test") for seed in (0, 1)]
    row, images = results(done, "seeds", "test"), np.mean(seeds, axis=0)
    assert (int(row["runs"]), int(row["images"])) == (2, 3)
    assert float(row["mean_of_runs"]) == pytest.approx(np.mean([np.mean(one) for one in seeds]))
    assert float(row["sd_of_runs"]) == pytest.approx(abs(np.mean(seeds[0]) - np.mean(seeds[1])) / 2**0.5)
    assert float(row["sd_of_images"]) == pytest.approx(np.std(images, ddof=1))


def test_out_of_fold_rows_of_all_folds_are_one_table_in_which_every_image_stands_once(done):
    folder = done / "out" / "runs" / "folds" / "seed-0"
    rows = [
        row for row in read_per_image(folder / "scores" / "out_of_fold" / "per_image.csv") if row["grid"] == "network"
    ]
    names = [row["image_id"] for row in rows]
    assert len(names) == len(set(names)) == 9  # training and validation
    assert {row["batch"] for row in rows} == {1, 2, 3}  # one of each fold
    assert int(results(done, "folds", "out_of_fold")["images"]) == 9
    assert int(results(done, "folds", "out_of_fold")["runs"]) == 3


def test_marks_of_all_folds_are_one_curve(done):
    joined = done / "out" / "runs" / "folds" / "seed-0"
    folds = [joined / f"fold-{fold}" / "scores" / "out_of_fold" for fold in range(3)]
    of_folds = [read_marks(fold, read_per_image(fold / "per_image.csv"))["network"] for fold in folds]
    curve = compute_froc([image["either"] for images in of_folds for image in images])
    assert curve.images == 9
    points = list(zip(curve.false_positives, curve.sensitivity, strict=True))
    assert read_curve(joined / "scores" / "out_of_fold", grid="network") == points
    summary = json.loads((joined / "scores" / "out_of_fold" / "summary.json").read_text())
    assert {row["images"] for row in summary["froc"]} == {9} and summary["provenance"]["bundle"] == "unet"


def test_a_fold_starts_from_the_weights_of_the_earlier_run(done):
    log = (done / "out" / "runs" / "folds" / "seed-0" / "fold-0" / "log.txt").read_text()
    assert f"--start_from {done / 'out' / 'runs' / 'seeds' / 'seed-0' / 'models' / 'model.pt'}" in log


def test_the_mean_of_the_folds_is_scored_as_one(done):
    row = results(done, "folds", "test", grid="original")
    assert (int(row["runs"]), int(row["images"])) == (1, 3)


def test_the_page_shows_every_step_and_what_was_measured(done):
    page = (done / "out" / "index.html").read_text()
    assert "11 done of 11 steps" in page and "not for diagnosis" in page
    assert 'href="runs/folds/seed-0/fold-2/log.txt"' in page


def test_a_record_of_a_plan_has_every_evaluation_that_is_done_and_the_reason_of_every_other(done, tmp_path):
    plan = json.loads((done / "plan.json").read_text())
    plan["runs"].append(a_run("later", seeds=[5]))
    (tmp_path / "plan.json").write_text(json.dumps(plan))

    record = record_plan(tmp_path / "plan.json", done / "out", because="the night was over")

    evaluations = [("seeds", 0, None), ("seeds", 1, None), *(("folds", 0, fold) for fold in (0, 1, 2))]
    assert [(one["run"], one["seed"], one["fold"]) for one in record["runs"]] == [*evaluations, ("folds", 0, None)]
    assert record["runs"][2]["images"] == 3 and record["budget"] is None
    assert "max_epochs 1" in record["runs"][0]["notes"], "what differs from the recipe"
    assert record["empty"] == [
        {"run": "later", "bundle": "unet", "seed": 5, "fold": None, "because": "the night was over"}
    ]


@pytest.fixture
def two_runs(done, tmp_path):
    """The plan with a second run like its first, carried out, and an empty folder for its record."""
    shutil.copytree(done, tmp_path / "plan")
    plan = json.loads((done / "plan.json").read_text())
    plan["runs"] = [a_run(name, seeds=[0], overrides={}) for name in ("seeds", "again")]  # a budget has its own grid
    plan["budget"] = "small"
    (tmp_path / "plan" / "plan.json").write_text(json.dumps(plan))
    shutil.copytree(done / "out" / "runs" / "seeds", tmp_path / "plan" / "out" / "runs" / "again")
    return tmp_path / "plan" / "plan.json", tmp_path / "plan" / "out", tmp_path / "record" / "few"


def test_the_first_seeds_of_runs_without_folds_are_compared_with_pictures_and_under_the_name_of_the_budget(two_runs):
    file, output, record = two_runs
    keep_comparison(file, output, record)

    assert {path.name for path in record.iterdir()} >= {"dice.png", "report.html", "runs.csv", "pairs.csv"}
    page = (record / "report.html").read_text()
    assert "small budget: grid 160 x 112" in page and "first seed" in page
    assert page.count("data:image/png") > 3 and (output / "runs/again/seed-0/scores/test/cases.png").is_file()
    with (record / "runs.csv").open(newline="") as table:
        assert {row["run"] for row in csv.DictReader(table)} == {"seeds", "again"}


def test_where_nothing_is_left_to_compare_a_record_keeps_nothing_of_an_earlier_comparison(two_runs):
    file, output, record = two_runs
    keep_comparison(file, output, record)
    shutil.rmtree(output / "runs" / "again")
    keep_comparison(file, output, record)
    assert list(record.iterdir()) == []


def test_what_is_done_is_not_done_again(done, capsys):
    weights = sorted((done / "out").rglob("model.pt"))
    before = [path.stat().st_mtime_ns for path in weights]
    run(done / "plan.json", output=done / "out")
    assert [path.stat().st_mtime_ns for path in weights] == before
    assert "running" not in capsys.readouterr().out


def test_a_plan_with_other_settings_is_refused_in_its_folder(done, tmp_path):
    other = write_plan(tmp_path, a_run("seeds", seeds=[0], overrides=TINY | {"max_epochs": 5}))
    with pytest.raises(WrongCallError, match="holds runs/seeds/seed-0 with max_epochs 1, the plan says 5"):
        run(other, output=done / "out")


def test_two_plans_in_one_folder_do_not_collide(done):
    with sole_writer(done / "out", done / "out" / LOCK), pytest.raises(MammosegError, match="another process"):
        run(done / "plan.json", output=done / "out")


def test_a_step_that_fails_leaves_the_others_and_says_why(tmp_path, capsys):
    plan = write_plan(
        tmp_path,
        a_run("good"),
        a_run("bad", overrides=TINY | {"batch_size": 64}),
        a_run("after", start_from="bad", overrides={"batch_size": 2, "max_epochs": 1}),
    )
    with pytest.raises(MammosegError, match="1 step failed, first runs/bad/seed-0: a batch of 64 takes more than"):
        run(plan, output=tmp_path / "out")
    said = capsys.readouterr().out
    assert "failed   runs/bad/seed-0" in said and "2 done, 1 failed, 3 left of 6 steps" in said
    assert "left     runs/after/seed-0             waits for runs/bad/seed-0" in said
    assert "a batch of 64 takes more than the 6 images" in (tmp_path / "out" / "index.html").read_text()


def test_parallel_steps_are_processes_that_end_with_the_parent_and_a_killed_plan_goes_on(tmp_path):
    plan = write_plan(
        tmp_path,
        a_run("short", scores=[]),
        a_run("long", start_from="short", overrides={"batch_size": 2, "max_epochs": 40}, scores=[]),
    )
    out = tmp_path / "out"
    command = [sys.executable, "-m", "mammoseg.cli", "run", str(plan), "--output", str(out), "--jobs", "2"]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first, second = (out / "runs" / name / "seed-0" for name in ("short", "long"))
    wait_until(lambda: (second / "models" / "checkpoint.pt").is_file(), "the second is under way", process=killed)
    assert (first / "done.json").is_file()
    children = [int(pid) for pid in Path(f"/proc/{killed.pid}/task/{killed.pid}/children").read_text().split()]
    killed.kill()
    killed.wait()
    wait_until(lambda: not any(map(is_running, children)), "the steps ended with the plan")
    assert not (second / "done.json").is_file()
    before = (first / "models" / "model.pt").stat().st_mtime_ns
    went_before = (second / "eval" / "metrics.csv").read_text().splitlines()[1:]

    run(plan, output=out)
    assert (first / "models" / "model.pt").stat().st_mtime_ns == before
    lines = (second / "eval" / "metrics.csv").read_text().splitlines()[1:]
    assert [int(line.split(",")[0]) for line in lines] == list(range(1, 41)) and 0 < len(went_before) < 40
    assert lines[: len(went_before) - 1] == went_before[:-1]  # seconds too: these epochs were not trained again


def test_a_dry_run_builds_the_config_of_every_run_and_writes_nothing(tmp_path, capsys):
    plan = write_plan(tmp_path, a_run("narrow", seeds=[0, 1]), a_run("whole", overrides={"max_epochs": 7}))
    run(plan, output=tmp_path / "out", dry_run=True)
    said = capsys.readouterr().out
    assert "whole: unet, paper recipe, discs" in said and "34,527,106 parameters, 65.4 GMAC at 256 x 256" in said
    assert "at most 1 epoch of 6 images" in said
    assert "seeds 0, 1; at most 1 epoch of 6 images" in said and "changed: max_epochs 7; scored on test" in said
    assert "2 runs: 3 trainings of at most 9 epochs in all, 3 evaluations" in said
    assert not (tmp_path / "out").exists()


def test_a_dry_run_names_the_run_that_cannot_be_built(tmp_path):
    plan = write_plan(tmp_path, a_run("odd", overrides={"network_def::reduction": 4}))
    with pytest.raises(WrongCallError, match="run 'odd' cannot be built: .*reduction"):
        run(plan, output=tmp_path / "out", dry_run=True)


def test_a_budget_is_said_in_every_output_and_leaves_out_what_means_nothing_under_it(tmp_path, capsys):
    plan = write_plan(
        tmp_path,
        a_run("plain", overrides={}),
        a_run("alpha", bundle="aunet", overrides={"loss::lambda_ce": 2.0}),
        budget="tiny",
    )
    run(plan, output=tmp_path / "out")
    said, page = capsys.readouterr().out, (tmp_path / "out" / "index.html").read_text()
    assert "tiny budget, for tests of the program: grid 64 x 64" in said and "tiny budget, for tests" in page
    assert "not run: alpha: the budget" in said and "has a loss of its own" in page
    settings = json.loads((tmp_path / "out" / "runs" / "plain" / "seed-0" / "settings.json").read_text())
    assert settings["network_def::channels"] == [8, 16, 32, 64, 128] and settings["max_epochs"] == 2
