"""A plan is a stranger's file: only words of its schema are let in, and nothing of it is ever evaluated."""

import copy
import json
from pathlib import Path

import pytest

from mammoseg.bundles import ENCODER_WORDS
from mammoseg.errors import WrongCallError
from mammoseg.plans import plan
from mammoseg.plans.plan import Score, make_plan, read_plan
from mammoseg.plans.steps import list_steps

PLAN = {
    "name": "two",
    "datasets": {"films": {"dataset_dir": "films"}, "others": {"source": "inbreast", "inputs": ["in"], "all": "test"}},
    "runs": [
        {"name": "first", "bundle": "unet", "dataset": "films", "seeds": [0, 1], "overrides": {"max_epochs": 2}},
        {
            "name": "second",
            "bundle": "unet",
            "dataset": "films",
            "folds": [0, 1],
            "start_from": "first",
            "scores": [
                {"name": "out_of_fold", "section": "validation"},
                {"name": "others", "section": "test", "dataset": "others", "mean_of_folds": True},
            ],
        },
    ],
}


def changed(place, value):
    """The plan with another value at a place, a path of keys."""
    content = copy.deepcopy(PLAN)
    *parents, last = place
    part = content
    for key in parents:
        part = part[key]
    part[last] = value
    return content


def read(content, folder):
    path = folder / "plan.json"
    path.write_text(json.dumps(content))
    return read_plan(path)


def test_paths_of_a_plan_are_relative_to_its_file_and_become_absolute(tmp_path):
    plan = read(PLAN, tmp_path)
    assert plan.datasets["films"] == {"dataset_dir": str(tmp_path / "films")}
    assert plan.datasets["others"]["inputs"] == [str(tmp_path / "in")]
    held_out = read(changed(("datasets", "others", "test_patients"), "held_out.txt"), tmp_path)
    assert held_out.datasets["others"]["test_patients"] == str(tmp_path / "held_out.txt")


def test_the_words_for_encoder_weights_are_those_of_the_configs():
    schema = Path(str(plan.__file__)).with_name("plan.schema.json").read_text(encoding="utf-8")
    told = json.loads(schema)["definitions"]["overrides"]["properties"]["encoder_weights"]
    assert told["anyOf"][0]["enum"] == [*ENCODER_WORDS, None]


def test_a_file_of_encoder_weights_is_looked_for_beside_the_plan_and_is_no_expression(tmp_path):
    run = {"name": "a", "bundle": "resnet22_unet", "dataset": "d", "overrides": {"encoder_weights": "gmic/sample.p"}}
    content = {"name": "p", "datasets": {"d": {"dataset_dir": "data"}}, "runs": [run]}
    (planned,) = make_plan(content, where="p.json", folder=tmp_path).runs
    assert planned.overrides["encoder_weights"] == str(tmp_path / "gmic" / "sample.p")
    run["overrides"]["encoder_weights"] = "$open('x').pt"
    with pytest.raises(WrongCallError, match="encoder_weights"):
        make_plan(content, where="p.json", folder=tmp_path)


def test_a_run_without_scores_is_scored_on_the_test_section_and_one_of_folds_out_of_fold(tmp_path):
    content = copy.deepcopy(PLAN)
    del content["runs"][1]["scores"]
    first, second = read(content, tmp_path).runs
    assert (first.scores, second.scores) == ((Score("test", "test"),), (Score("out_of_fold", "validation"),))


def test_steps_are_every_seed_and_fold_each_after_what_it_needs(tmp_path):
    steps = list_steps(read(PLAN, tmp_path), tmp_path)
    keys = [step.key for step in steps]
    assert keys == [
        "data/others",
        "runs/first/seed-0",
        "runs/first/seed-1",
        "runs/first/seed-0/scores/test",
        "runs/first/seed-1/scores/test",
        "runs/second/seed-0/fold-0",
        "runs/second/seed-0/fold-1",
        "runs/second/seed-0/fold-0/scores/out_of_fold",
        "runs/second/seed-0/fold-1/scores/out_of_fold",
        "runs/second/seed-0/scores/others",
    ]
    assert all(keys.index(need) < keys.index(step.key) for step in steps for need in step.needs)
    assert steps[5].needs == ("runs/first/seed-0",)
    assert steps[-1].needs == ("data/others", "runs/second/seed-0/fold-0", "runs/second/seed-0/fold-1")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("surprise",), 1, "top level: Additional properties"),
        (("runs", 0, "overrides"), {"max_epoch": 2}, "'max_epoch' was unexpected"),
        (("runs", 0, "overrides"), {"max_epochs": "$__import__('os').system('id')"}, "max_epochs: .* is not of type"),
        (("runs", 0, "overrides"), {"network_def": {"_target_": "os.system"}}, "'network_def' was unexpected"),
        (("runs", 0, "overrides"), {"encoder_weights": "$1"}, r"encoder_weights: '\$1' (is not one of|does not match)"),
        (("runs", 0, "overrides"), {"precision": "@amp"}, "precision: '@amp' is not one of"),
        (("runs", 0, "overrides"), {"device": "cpu"}, "'device' was unexpected"),
        (("runs", 0, "overrides"), {"preprocessing::voi": "$1"}, r"voi: '\$1' does not match"),
        (("runs", 0, "overrides"), {"preprocessing::patch_area": 0.5}, "patch_area: 0.5 is less than the minimum of 1"),
        (("runs", 0, "overrides"), {"lr": True}, "lr: True is not of type 'number'"),
        (("runs", 0, "name"), "../../etc", "name: '../../etc' does not match"),
        (("runs", 0, "name"), "second", "'second' stands there twice"),
        (("runs", 0, "bundle"), "nowhere", "unknown bundle 'nowhere'; known: attention_unet"),
        (("runs", 0, "dataset"), "nowhere", "unknown dataset 'nowhere'; the plan has: films, others"),
        (("runs", 1, "start_from"), "second", "starts from 'second', which is no run before it"),
        (("runs", 1, "bundle"), "aunet", "of bundle 'aunet' and starts from weights of 'unet'"),
        (("runs", 1, "overrides"), {"spatial_size": [64, 64]}, "takes spatial_size from the weights"),
        (("runs", 0, "scores"), [{"name": "a", "section": "test", "mean_of_folds": True}], "no folds to take the mean"),
        (("runs", 0, "scores"), [{"name": "a", "section": "test"}] * 2, "two scores of one name"),
        (("datasets", "films"), {"source": "folder"}, "datasets.films"),
        (("budget",), "huge", "budget: 'huge' is not one of"),
    ],
)
def test_what_a_plan_may_not_say_is_refused_in_a_sentence(place, value, said, tmp_path):
    with pytest.raises(WrongCallError, match=said):
        read(changed(place, value), tmp_path)


def test_a_path_that_looks_like_an_expression_stays_a_path(tmp_path):
    plan = make_plan(
        changed(("datasets", "films"), {"dataset_dir": "$__import__('os')"}), where="plan", folder=tmp_path
    )
    assert all(str(step.options.get("dataset_dir", "/")).startswith("/") for step in list_steps(plan, tmp_path))


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, '"' + "x" * 2**21 + '"'])
def test_a_file_that_is_no_plan_is_refused_in_a_sentence(text, tmp_path):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(WrongCallError, match="is no plan"):
        read_plan(tmp_path / "plan.json")
