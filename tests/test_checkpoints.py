"""Weights are loaded completely, safely, and only where they belong."""

import pickle

import pytest
import torch
from torch import nn

from mammoseg.checkpoints import (
    WeightsError,
    check_preprocessing,
    load_weights,
    read_weights,
    save_checkpoint,
)


def checkpoint(network: nn.Module, **changes: object) -> dict:
    content = {"model": network.state_dict(), "network": {}, "preprocessing": {"channels": 3}, "provenance": {}}
    return content | changes


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Conv2d(1, 2, 3)


def test_saved_weights_are_read_back_identical(network, tmp_path):
    save_checkpoint(tmp_path / "model.pt", checkpoint(network))
    other = nn.Conv2d(1, 2, 3)
    load_weights(other, read_weights(tmp_path / "model.pt"))
    assert torch.equal(other.weight, network.weight)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights at .*absent\.pt"):
        read_weights(tmp_path / "absent.pt")


def test_pickle_payload_is_refused_and_not_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "pwned"), "w"))

    torch.save({"model": Payload()}, tmp_path / "model.pt")
    with pytest.raises(WeightsError, match="more than tensors"):
        read_weights(tmp_path / "model.pt")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "content", [b"", b"no checkpoint", pickle.dumps({"a": 1}, protocol=2)], ids=["empty", "text", "pickle"]
)
def test_other_files_are_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.pt"):
        read_weights(tmp_path / "model.pt")


def test_truncated_checkpoint_is_refused(network, tmp_path):
    path = tmp_path / "model.pt"
    save_checkpoint(path, checkpoint(network))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(path)


def test_other_shapes_are_refused_and_nothing_is_loaded(network, tmp_path):
    save_checkpoint(tmp_path / "model.pt", checkpoint(network))
    wider = nn.Conv2d(1, 4, 3)
    before = wider.weight.clone()
    with pytest.raises(WeightsError, match=r"weight is \(2, 1, 3, 3\) in the file and \(4, 1, 3, 3\) in the network"):
        load_weights(wider, read_weights(tmp_path / "model.pt"))
    assert torch.equal(wider.weight, before)


def test_missing_and_unknown_keys_are_named(network, tmp_path):
    model = {"weight": network.weight.data, "gain": torch.ones(1)}
    save_checkpoint(tmp_path / "model.pt", checkpoint(network, model=model))
    with pytest.raises(WeightsError, match="lacks bias; has unknown gain"):
        load_weights(network, read_weights(tmp_path / "model.pt"))


def test_weights_that_are_not_finite_are_refused(network, tmp_path):
    network.weight.data[0, 0, 0, 0] = torch.nan
    save_checkpoint(tmp_path / "model.pt", checkpoint(network))
    with pytest.raises(WeightsError, match="not finite"):
        load_weights(nn.Conv2d(1, 2, 3), read_weights(tmp_path / "model.pt"))


def test_other_preprocessing_is_refused_with_both_values(network, tmp_path):
    save_checkpoint(tmp_path / "model.pt", checkpoint(network))
    with pytest.raises(WeightsError, match="channels 3 there, 1 here"):
        check_preprocessing(read_weights(tmp_path / "model.pt"), {"channels": 1})


def test_failed_write_leaves_the_old_file(network, tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    save_checkpoint(path, checkpoint(network))
    before = path.read_bytes()

    def full_disk(content, target):
        target.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(WeightsError, match="No space left"):
        save_checkpoint(path, checkpoint(network))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "changes",
    [
        {"network": {"_target_": "os.system", "command": "true"}},
        {"network": {"_target_": "mammoseg.networks.UNet", "channels": "$__import__('os').getpid()"}},
        {"network": {"_target_": "mammoseg.networks.UNet", "norm": {"_target_": "os.getpid"}}},
        {"network": {"_target_": "mammoseg.networks.UNet", "_requires_": "@imports"}},
        {"preprocessing": {"aspect": "$__import__('os').getpid()"}},
        {"preprocessing": {"spatial_size": ["@imports", 3]}},
        {"model": {"weight": "text"}},
        {"model": [1]},
    ],
    ids=str,
)
def test_settings_that_a_config_would_run_are_refused(network, tmp_path, changes):
    save_checkpoint(tmp_path / "model.pt", checkpoint(network) | changes)
    with pytest.raises(WeightsError, match="more than values|not a checkpoint"):
        read_weights(tmp_path / "model.pt")
