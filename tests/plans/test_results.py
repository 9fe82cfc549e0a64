"""What the runs of a plan measured, over tables small enough to work out by hand."""

import math

import pytest

from mammoseg.csv_table import read_csv
from mammoseg.errors import MammosegError
from mammoseg.evaluation.tables import read_per_image, write_per_image
from mammoseg.metrics.scores import SCORES
from mammoseg.plans.plan import PlannedRun, RunPlan, Score
from mammoseg.plans.results import collect_per_image, write_plan_results
from mammoseg.plans.state import DONE
from mammoseg.plans.steps import name_evaluation

SCORE = Score("test", "test")


def make_row(image, dice):
    identity = {"image_id": image, "name": f"{image}.png", "patient_id": "P", "laterality": "L", "view": "CC"}
    return identity | {"has_mass": True, "grid": "network"} | dict.fromkeys(SCORES, 0.5) | {"dice": dice}


def write_done(output, run, seed, fold, dice, *, is_done=True):
    """An evaluation with the Dice of each image."""
    folder = output / name_evaluation(run, SCORE, seed, fold)
    folder.mkdir(parents=True)
    write_per_image(folder / "per_image.csv", [make_row(*pair) for pair in dice.items()])
    if is_done:
        (folder / DONE).write_text("{}")


def dice_of(run, output):
    rows = write_plan_results(RunPlan("plan", {}, (run,)), output)
    return next(row for row in rows if row["metric"] == "dice")


def make_run(**more):
    return PlannedRun("small", "unet", "films", scores=(SCORE,), **more)


def test_a_run_is_the_mean_of_its_images_and_an_image_the_mean_of_its_seeds(tmp_path):
    run = make_run(seeds=(0, 1))
    write_done(tmp_path, run, 0, None, {"a": 0.2, "b": 0.6})  # 0.4
    write_done(tmp_path, run, 1, None, {"a": 0.4, "b": 0.8})  # 0.6
    row = dice_of(run, tmp_path)
    assert (row["runs"], row["mean_of_runs"], row["sd_of_runs"]) == pytest.approx((2, 0.5, math.sqrt(0.02)))
    # a 0.3, b 0.7
    assert (row["images"], row["mean_of_images"], row["sd_of_images"]) == pytest.approx((2, 0.5, math.sqrt(0.08)))
    _, lines = read_csv(tmp_path / "runs.csv")
    assert next(line["mean_of_runs"] for line in lines if line["metric"] == "dice") == "0.5"


def test_each_fold_is_a_run_and_the_folds_are_joined_to_one_table(tmp_path):
    run = make_run(folds=(0, 1))
    write_done(tmp_path, run, 0, 0, {"a": 0.2, "b": 0.4})  # 0.3
    write_done(tmp_path, run, 0, 1, {"c": 0.9})
    row = dice_of(run, tmp_path)
    assert (row["runs"], row["mean_of_runs"], row["images"], row["mean_of_images"]) == pytest.approx((2, 0.6, 3, 0.5))
    joined = read_per_image(tmp_path / name_evaluation(run, SCORE, 0, None) / "per_image.csv")
    assert {row["image_id"]: row["dice"] for row in joined} == {"a": 0.2, "b": 0.4, "c": 0.9}


def test_a_seed_with_a_fold_that_is_not_done_has_no_images_and_its_other_folds_are_runs(tmp_path):
    run = make_run(seeds=(0, 1), folds=(0, 1))
    write_done(tmp_path, run, 0, 0, {"a": 0.2})
    write_done(tmp_path, run, 0, 1, {"b": 0.4})
    write_done(tmp_path, run, 1, 0, {"a": 0.6})
    write_done(tmp_path, run, 1, 1, {"b": 0.9}, is_done=False)
    assert list(collect_per_image(run, SCORE, tmp_path)) == [0]
    row = dice_of(run, tmp_path)
    assert (row["runs"], row["mean_of_runs"], row["images"], row["mean_of_images"]) == pytest.approx((3, 0.4, 2, 0.3))


def test_one_run_has_no_deviation_and_one_that_is_not_done_no_row(tmp_path):
    run = make_run()
    assert write_plan_results(RunPlan("plan", {}, (run,)), tmp_path) == []
    write_done(tmp_path, run, 0, None, {"a": 0.2})
    assert math.isnan(dice_of(run, tmp_path)["sd_of_runs"])


def test_an_image_that_two_folds_scored_is_named(tmp_path):
    run = make_run(folds=(0, 1))
    for fold in (0, 1):
        write_done(tmp_path, run, 0, fold, {"a": 0.2})
    with pytest.raises(MammosegError, match="run 'small', score 'test': image a was scored by two folds"):
        collect_per_image(run, SCORE, tmp_path)
