"""A training run goes on after any interruption and ends where it would have ended."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ignite.engine import Events

from mammoseg.bundles import list_bundle_names, locate_bundle
from mammoseg.checkpoints.checkpoint import read_checkpoint, save_checkpoint
from mammoseg.checkpoints.weights_file import TRAINED, WeightsError
from mammoseg.handlers.saved_form import is_state_of
from mammoseg.training.batch_augmentation import BatchAugmentation
from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset
from tests.waiting import wait_until

AUGMENTED = {
    "train::random_transforms": [
        {"_target_": "RandFlipd", "keys": ["image", "label"], "prob": 0.5, "spatial_axis": 0},
        {"_target_": "RandGaussianNoised", "keys": "image", "prob": 0.5},
    ],
    "train::batch_augmentation": {
        "_target_": "mammoseg.training.batch_augmentation.BatchAugmentation",
        "rotation": 20.0,
        "log_gamma": 0.3,
        "noise": 0.05,
    },
}


def test_the_configs_look_for_the_best_weights_where_they_are_written():
    for bundle in list_bundle_names():
        config = json.loads((Path(locate_bundle(bundle)) / "configs" / "train.json").read_text(encoding="utf-8"))
        assert config["best_checkpoint"] == f"$@ckpt_dir + '/{TRAINED}'"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def undisturbed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("undisturbed")
    workflow("unet", **tiny_overrides(dataset, run, **AUGMENTED)).run()
    return run


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def same_weights(left: Path, right: Path, name: str) -> bool:
    a, b = (read_checkpoint(run / "models" / name)["model"] for run in (left, right))
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("iteration", [1, 4, 5])
def test_interrupted_run_ends_with_the_weights_of_an_undisturbed_one(dataset, undisturbed, tmp_path, iteration):
    def die(engine):
        raise Killed

    first = workflow("unet", **tiny_overrides(dataset, tmp_path, **AUGMENTED))
    trainer = first.parser.get_parsed_content("train::trainer")
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=iteration), die)
    with pytest.raises(Killed):
        first.run()
    workflow("unet", **tiny_overrides(dataset, tmp_path, **AUGMENTED)).run()
    assert same_weights(tmp_path, undisturbed, "checkpoint.pt")
    assert same_weights(tmp_path, undisturbed, "model.pt")


def test_interrupted_run_of_the_common_recipe_ends_as_an_undisturbed_one(dataset, tmp_path):
    runs = {name: tiny_overrides(dataset, tmp_path / name, max_epochs=2) for name in ("whole", "stopped")}
    whole = workflow("unet", "common_recipe", **runs["whole"])
    assert isinstance(whole.parser.get_parsed_content("train::trainer").prepare_batch, BatchAugmentation)
    whole.run()
    first = workflow("unet", "common_recipe", **runs["stopped"])

    def die(engine):
        raise Killed

    first.parser.get_parsed_content("train::trainer").add_event_handler(Events.ITERATION_COMPLETED(once=4), die)
    with pytest.raises(Killed):
        first.run()
    workflow("unet", "common_recipe", **runs["stopped"]).run()
    assert same_weights(tmp_path / "whole", tmp_path / "stopped", "checkpoint.pt")


def test_run_killed_by_the_system_continues_from_the_command_line(dataset, undisturbed, tmp_path):
    overrides = tiny_overrides(dataset, tmp_path, **AUGMENTED)
    arguments = [word for key, value in overrides.items() for word in (f"--{key}", str(value))]
    train = Path(locate_bundle("unet")) / "configs" / "train.json"
    command = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", str(train), *arguments]
    threads = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}  # sums depend on their number
    process = subprocess.Popen(command, cwd=tmp_path, env=threads, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until((tmp_path / "models" / "checkpoint.pt").is_file, "an epoch is kept", process=process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert subprocess.run(command, cwd=tmp_path, env=threads, capture_output=True).returncode == 0
    assert same_weights(tmp_path, undisturbed, "checkpoint.pt")


def test_finished_run_is_left_as_it_is(dataset, undisturbed):
    before = read_checkpoint(undisturbed / "models" / "checkpoint.pt")
    workflow("unet", **tiny_overrides(dataset, undisturbed, **AUGMENTED)).run()
    after = read_checkpoint(undisturbed / "models" / "checkpoint.pt")
    assert after["epoch"] == before["epoch"] == 3


def test_longer_run_goes_on_after_the_last_epoch(dataset, tmp_path):
    workflow("unet", **tiny_overrides(dataset, tmp_path, max_epochs=1)).run()
    workflow("unet", **tiny_overrides(dataset, tmp_path, max_epochs=2)).run()
    assert [row["epoch"] for row in read_checkpoint(tmp_path / "models" / "checkpoint.pt")["training_log"]["rows"]] == [
        1,
        2,
    ]


def refusal(overrides: dict) -> str:
    with pytest.raises(RuntimeError) as failure:  # MONAI's wrapping of what an expression raises
        workflow("unet", **overrides).run()
    assert isinstance(failure.value.__cause__, WeightsError)
    return str(failure.value.__cause__)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network_def::channels": [2, 4, 8]}, "network differs"),
        ({"seed": 1}, "--seed 0 there, 1 here"),
        ({"lr": 0.5}, "--lr 0.0001 there, 0.5 here"),
        ({"batch_size": 1}, "--batch_size 2 there, 1 here"),
        ({"fold": 1}, "--fold none there, 1 here"),
        ({"validation_section": "test"}, "--validation_section validation there, test here"),
        ({"fold": 1, "seed": 1}, "--seed 0 there, 1 here; --fold none there, 1 here"),
    ],
)
def test_another_run_is_not_continued(dataset, undisturbed, changes, said):
    way_out = "; give the same, name another --ckpt_dir and --output_dir, or start anew with --resume false, which "
    way_out += "replaces its weights."
    assert refusal(tiny_overrides(dataset, undisturbed) | changes).endswith(f"belongs to another run ({said}){way_out}")


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ({"encoder": {"encoder": "resnet34", "weights": "imagenet"}}, "--encoder_weights differs"),
        ({"started_from": {"seed": 0, "sha256": "ab" * 32}}, "--start_from abababababab there, none here"),
        ({"fold": 0}, "--fold 0 there, none here"),
    ],
)
def test_a_run_of_other_first_weights_or_another_fold_is_not_continued(dataset, undisturbed, tmp_path, recorded, said):
    content = read_checkpoint(undisturbed / "models" / "checkpoint.pt")
    content["provenance"] |= recorded
    save_checkpoint(tmp_path / "models" / "checkpoint.pt", content)
    assert f"belongs to another run ({said})" in refusal(tiny_overrides(dataset, tmp_path))


def test_a_run_of_an_earlier_version_that_recorded_less_goes_on(dataset, undisturbed, tmp_path):
    content = read_checkpoint(undisturbed / "models" / "checkpoint.pt")
    for name in ("fold", "chosen_on", "encoder", "started_from", "lr", "batch_size"):
        del content["provenance"][name]
    save_checkpoint(tmp_path / "models" / "checkpoint.pt", content)
    workflow("unet", **tiny_overrides(dataset, tmp_path, max_epochs=4, **AUGMENTED)).run()
    after = read_checkpoint(tmp_path / "models" / "checkpoint.pt")
    assert after["epoch"] == 4 and after["provenance"]["fold"] is None


def test_a_fold_goes_on_by_the_same_call(dataset, tmp_path):
    workflow("unet", **tiny_overrides(dataset, tmp_path, max_epochs=1, fold=0)).run()
    workflow("unet", **tiny_overrides(dataset, tmp_path, max_epochs=2, fold=0)).run()
    after = read_checkpoint(tmp_path / "models" / "checkpoint.pt")
    assert (after["epoch"], after["provenance"]["fold"], after["provenance"]["chosen_on"]) == (2, 0, "validation")


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {}},
        {"optimizer": {"state": {}, "param_groups": [{"lr": "fast"}]}},
        {"lr_scheduler": {"step": 5}},
        {"lr_scheduler": {"last_epoch": "3"}},
        {"training_log": {"rows": [5]}},
        {"training_log": {"rows": [{"epoch": "=cmd()"}]}},
        {"epoch": "3"},
        {"epoch": -1},
        {"best_metric": None},
        {"scaler": None, "iteration": []},
    ],
    ids=str,
)
def test_a_state_of_another_form_is_not_taken_on(dataset, undisturbed, tmp_path, changes):
    content = read_checkpoint(undisturbed / "models" / "checkpoint.pt")
    save_checkpoint(tmp_path / "models" / "checkpoint.pt", content | changes)
    with pytest.raises(RuntimeError) as failure:
        workflow("unet", **tiny_overrides(dataset, tmp_path)).run()
    assert isinstance(failure.value.__cause__, WeightsError)
    assert "checkpoint.pt does not hold the state of such a run; name another" in str(failure.value.__cause__)


def test_moments_of_another_shape_are_not_taken_on(undisturbed):
    saved = read_checkpoint(undisturbed / "models" / "checkpoint.pt")["optimizer"]
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adam([parameter])
    parameter.grad = torch.ones(2)
    optimizer.step()
    own = optimizer.state_dict()
    assert is_state_of(own, optimizer) and not is_state_of(saved, optimizer)
    own["state"][0]["exp_avg"] = torch.zeros(3)
    assert not is_state_of(own, optimizer)


def test_early_stop_ends_a_run_and_a_resumed_run_stays_ended(dataset, tmp_path):
    overrides = tiny_overrides(dataset, tmp_path, max_epochs=20, early_stop_patience=2, lr=0.0)
    overrides |= {"lr_scheduler::rates": [0.0, 0.0, 0.0, 0.0], "optimizer::lr": 1e-12}
    workflow("unet", **overrides).run()
    ended = read_checkpoint(tmp_path / "models" / "checkpoint.pt")["epoch"]
    workflow("unet", **overrides).run()
    assert ended < 20
    assert read_checkpoint(tmp_path / "models" / "checkpoint.pt")["epoch"] == ended


def test_best_weights_are_those_of_the_best_validation(undisturbed):
    rows = read_checkpoint(undisturbed / "models" / "checkpoint.pt")["training_log"]["rows"]
    best = max(rows, key=lambda row: row["val_mean_dice"])
    validation = read_checkpoint(undisturbed / "models" / "model.pt")["provenance"]["validation"]
    assert validation == {"epoch": best["epoch"], "val_mean_dice": best["val_mean_dice"]}


def test_checkpoint_carries_hashes_seed_and_network(undisturbed):
    saved = read_checkpoint(undisturbed / "models" / "model.pt")
    assert saved["network"]["channels"] == [4, 8, 16]
    assert saved["preprocessing"]["spatial_size"] == [32, 32]
    assert len(saved["provenance"]["datalist_sha256"]) == len(saved["provenance"]["config_sha256"]) == 64
    assert saved["provenance"]["seed"] == 0
