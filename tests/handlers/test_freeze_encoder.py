"""An encoder that is kept for the first epochs and learns afterwards."""

from pathlib import Path

import pytest
import torch
from torch import nn

from mammoseg.bundles import locate_bundle
from mammoseg.checkpoints.checkpoint import read_checkpoint
from mammoseg.handlers.freeze_encoder import FreezeEncoder
from tests.test_bundles import as_arguments, command
from tests.tiny_run import tiny_overrides, workflow, write_tiny_dataset

BUNDLE = "resnet22_unet"


def overrides(folder: Path, *, frozen: int, epochs: int, trained: bool = True) -> dict:
    dataset = folder if (folder / "datalist.json").is_file() else write_tiny_dataset(folder)
    run = tiny_overrides(dataset, folder, spatial_size=[64, 64], max_epochs=epochs, frozen_encoder_epochs=frozen)
    return run | {"network_def::channels": 2, "encoder_weights": None, "train::handlers::2::is_trained": trained}


def trained(folder: Path, *, frozen: int, epochs: int) -> tuple[dict, dict]:
    """State before the run and after it."""
    flow = workflow(BUNDLE, **overrides(folder, frozen=frozen, epochs=epochs))
    network = flow.parser.get_parsed_content("network_def")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    flow.run()
    return before, dict(network.state_dict())


def changed(before: dict, after: dict) -> set[str]:
    """First words of the keys whose values changed."""
    return {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}


def test_frozen_encoder_keeps_weights_and_statistics_while_the_decoder_learns(tmp_path):
    assert changed(*trained(tmp_path, frozen=1, epochs=1)) == {"blocks", "centre", "head"}


def test_encoder_learns_after_the_frozen_epochs(tmp_path):
    before, after = trained(tmp_path, frozen=1, epochs=2)
    weights = [key for key in before if key.startswith("encoder.") and before[key].is_floating_point()]
    assert all(not torch.equal(before[key], after[key]) for key in weights)


@pytest.mark.parametrize("frozen, learns", [(1, True), (2, False)])
def test_resumed_run_freezes_by_the_number_of_its_epoch(tmp_path, frozen, learns):
    before, _ = trained(tmp_path, frozen=frozen, epochs=1)
    _, after = trained(tmp_path, frozen=frozen, epochs=2)
    assert ("encoder" in changed(before, after)) == learns


def test_an_encoder_of_random_numbers_is_not_frozen_and_that_is_said(tmp_path, caplog):
    flow = workflow(BUNDLE, **overrides(tmp_path, frozen=2, epochs=1, trained="$@encoder_weights is not None"))
    network = flow.parser.get_parsed_content("network_def")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    flow.run()
    assert "encoder" in changed(before, dict(network.state_dict()))
    assert (
        "the encoder starts from random numbers, so it is not frozen for 2 epochs; give --encoder_weights"
        in caplog.text
    )


def test_network_without_encoder_is_refused():
    with pytest.raises(ValueError, match="Linear has no encoder to freeze"):
        FreezeEncoder(nn.Linear(1, 1), epochs=2)


@pytest.mark.slow
def test_two_processes_freeze_as_one_does(tmp_path):
    configs = Path(locate_bundle(BUNDLE)) / "configs"
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "monai.bundle")
    before = workflow(BUNDLE, **overrides(tmp_path, frozen=1, epochs=1)).parser.get_parsed_content("network_def")
    initial = {key: value.clone() for key, value in before.state_dict().items()}
    for epochs in (1, 2):
        arguments = as_arguments(overrides(tmp_path, frozen=1, epochs=epochs))
        files = f"['{configs}/train.json','{configs}/multi_gpu_train.json']"
        command("training", "--config_file", files, *arguments, cwd=tmp_path, launcher=launcher)
        after = read_checkpoint(tmp_path / "models" / "checkpoint.pt")["model"]
        assert ("encoder" in changed(initial, after)) == (epochs == 2)
