"""Several processes train as one does, and go on when one of them is killed."""

import socket
from pathlib import Path

import ignite.distributed as idist
import pytest
import torch

from mammoseg.errors import WrongCallError
from mammoseg.training.share import share_batch
from tests.kill.training import PICTURES, Training, kill_in_the_middle
from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset

PLAIN = {
    "network_def": {"_target_": "tests.training.plain_network.PlainNetwork"},
    "max_epochs": 3,
    "batch_size": 4,
    "precision": "float32",
}


@pytest.fixture
def one_process(monkeypatch):
    """A group of this process alone, for the overlay of several."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "RANK": 0,
        "LOCAL_RANK": 0,
        "WORLD_SIZE": 1,
    }.items():
        monkeypatch.setenv(name, str(value))
    yield
    idist.finalize()


def overrides_of(dataset: Path, run: Path, **overrides) -> dict:
    tiny = tiny_overrides(dataset, run, **overrides)
    return {name: value for name, value in tiny.items() if not name.startswith("network_def::")}


def test_two_processes_take_the_steps_of_one_and_so_does_a_batch_in_parts(tmp_path, one_process):
    dataset = write_tiny_dataset(tmp_path / "data")
    weights, scores = {}, {}
    for name, more in {"whole": {}, "in parts": {"accumulation": 3}}.items():
        options = overrides_of(dataset, tmp_path / name, **PLAIN, **more)
        workflow("unet", "common_recipe", "multi_gpu_train", **options).run()
    Training(2, overrides_of(dataset, tmp_path / "two", **PLAIN), "common_recipe").start().wait()
    for name in ("whole", "in parts", "two"):
        saved = torch.load(tmp_path / name / "models" / "checkpoint.pt", weights_only=True)
        weights[name], scores[name] = saved["model"], saved["training_log"]["rows"]
    for name in ("in parts", "two"):
        for key, whole in weights["whole"].items():
            torch.testing.assert_close(weights[name][key], whole, rtol=0, atol=1e-6)
        for row, of_whole in zip(scores[name], scores["whole"], strict=True):
            assert row["train_loss"] == pytest.approx(of_whole["train_loss"], abs=1e-6)
            assert row["val_mean_dice"] == pytest.approx(of_whole["val_mean_dice"], abs=1e-6)


def test_a_batch_that_cannot_be_shared_equally_is_refused_with_the_numbers_that_can():
    assert [share_batch(8, processes) for processes in (1, 2, 4, 8)] == [8, 4, 2, 1]
    with pytest.raises(WrongCallError, match="a batch of 8 cannot be shared by 3 processes .* start 1, 2, 4, 8 of"):
        share_batch(8, 3)
    with pytest.raises(WrongCallError, match="a batch of 4 cannot be shared by 8"):
        share_batch(4, 8)


@pytest.mark.slow  # ten processes that import MONAI
@pytest.mark.parametrize("processes", [2, 4])
def test_a_training_of_which_a_process_is_killed_ends_as_one_that_was_left_alone(processes, tmp_path):
    dataset = write_tiny_dataset(tmp_path / "data", PICTURES)
    ended = {}
    for name in ("alone", "killed"):
        run = tmp_path / name
        training = Training(processes, tiny_overrides(dataset, run, batch_size=4, max_epochs=40)).start()
        if name == "killed":
            kill_in_the_middle(training, run / "models" / "checkpoint.pt", seed=processes)
        training.wait()
        ended[name] = torch.load(run / "models" / "checkpoint.pt", weights_only=True)
    rows = {name: saved["training_log"]["rows"] for name, saved in ended.items()}
    assert [row["epoch"] for row in rows["killed"]] == [*range(1, 41)]
    # Two numbers have one sum; that of four is rounded by the order, which a restart changes.
    most = 0 if processes == 2 else 1e-3
    for killed, alone in zip(rows["killed"], rows["alone"], strict=True):
        assert killed["train_loss"] == pytest.approx(alone["train_loss"], rel=0, abs=most)
    assert processes == 4 or all(
        torch.equal(ended["killed"]["model"][k], v) for k, v in ended["alone"]["model"].items()
    )
