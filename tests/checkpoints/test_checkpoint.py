"""Weights are loaded completely, safely, and only where they belong."""

import pytest
import torch

from mammoseg.bundles import BUNDLES_FOLDER, list_bundle_names, render
from mammoseg.cards.facts import build_bundle_network
from mammoseg.checkpoints import checkpoint
from mammoseg.checkpoints.checkpoint import (
    build_trained_network,
    check_preprocessing,
    load_weights,
    read_checkpoint,
    read_weights,
    read_weights_for,
    save_checkpoint,
)
from mammoseg.checkpoints.preprocessing import build_preprocessing
from mammoseg.checkpoints.weights_file import SHIPPED, WeightsError
from mammoseg.files import hash_file
from mammoseg.networks import SmpUNet, UNet, UNetSlim
from mammoseg.transforms.photographs import build_photograph_preprocessing
from tests.hostile.bad_checkpoints import sound_content


@pytest.fixture
def network() -> UNet:
    torch.manual_seed(0)
    return UNet(3, 2, channels=(2, 4))


@pytest.fixture
def path(tmp_path, network):
    """A checkpoint of `network`, for images of 16 x 16."""
    return write(tmp_path / "model.pt", network)


def write(path, network, /, **changes):
    save_checkpoint(path, sound_content() | {"model": network.state_dict(), "network": network.config} | changes)
    return path


def test_saved_weights_are_read_back_identical(path, network):
    read = build_trained_network(read_weights(path)).state_dict()
    assert all(torch.equal(read[key], value) for key, value in network.state_dict().items())


def test_a_network_with_channels_last_is_saved_as_it_can_be_read(tmp_path, network):
    last = network.to(memory_format=torch.channels_last)
    assert not all(value.is_contiguous() for value in last.state_dict().values())
    read = build_trained_network(read_weights(write(tmp_path / "last.pt", last))).state_dict()
    assert all(torch.equal(read[key], value) for key, value in last.state_dict().items())


def test_weights_that_are_replaced_while_they_are_read_are_refused(path, network, monkeypatch):
    def replaced(file):
        write(file, network)
        return hash_file(file)

    monkeypatch.setattr(checkpoint, "hash_file", replaced)
    with pytest.raises(WeightsError, match="changed while it was read"):
        read_weights(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights at .*absent\.pt"):
        read_weights(tmp_path / "absent.pt")


def test_other_shapes_are_refused_and_nothing_is_loaded(path):
    wider = UNet(3, 2, channels=(3, 6))
    before = wider.head.weight.clone()
    with pytest.raises(WeightsError, match=r"weight is \(2, 3, 3, 3\) in the file and \(3, 3, 3, 3\) in the network"):
        load_weights(wider, read_weights(path))
    assert torch.equal(wider.head.weight, before)


def test_missing_and_unknown_keys_are_named(tmp_path, network):
    model = network.state_dict() | {"gain": torch.ones(1)}
    del model["head.bias"]
    with pytest.raises(WeightsError, match=r"does not fit this UNet: lacks head\.bias; has unknown gain\."):
        load_weights(network, read_weights(write(tmp_path / "model.pt", network, model=model)))


def test_half_precision_is_loaded_as_single(tmp_path, network):
    model = {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()}
    loaded = build_trained_network(read_weights(write(tmp_path / "model.pt", network, model=model)))
    assert loaded.head.weight.dtype == torch.float32
    assert torch.equal(loaded.head.weight, network.head.weight.half().float())


def test_arguments_of_a_person_go_before_recorded_ones_and_must_fit_the_weights(path):
    weights = read_weights(path)
    assert build_preprocessing(weights, intensity="zscore").settings["intensity"] == "zscore"
    with pytest.raises(WeightsError, match=r"does not fit this UNet: .* in the file and \(3, 3, 3, 3\) in the network"):
        build_trained_network(weights, channels=[3, 6])


def test_other_preprocessing_is_refused_with_both_values(path):
    weights = read_weights(path)
    with pytest.raises(WeightsError, match="channels 3 there, 1 here"):
        check_preprocessing(weights, weights.preprocessing | {"channels": 1})


def test_failed_write_leaves_the_old_file(path, network, monkeypatch):
    before = path.read_bytes()

    def full_disk(content, target):
        target.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(WeightsError, match="No space left"):
        write(path, network)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("target", ["mammoseg.networks.UNet", "mammoseg.networks.unet.UNet"])
def test_checkpoints_of_before_that_name_a_target_are_read_as_those_of_now(tmp_path, network, target):
    arguments = {name: value for name, value in network.config.items() if name != "architecture"}
    path = write(tmp_path / "old.pt", network, network={"_target_": target, **arguments})
    assert read_checkpoint(path)["network"] == network.config


@pytest.fixture(scope="module")
def unetplusplus() -> SmpUNet:
    """The narrowest U-Net++ with the attention of its bundle."""
    torch.manual_seed(0)
    return SmpUNet(decoder="unetplusplus", attention="scse", encoder="tu-test_resnet", channels=[16] * 5)


FORMER_UNETPLUSPLUS = {
    "in_channels": 3,
    "out_channels": 1,
    "encoder": "tu-test_resnet",
    "encoder_weights": None,
    "channels": [16, 16, 16, 16, 16],
}
"""What `SmpUNetPlusPlus`, a class of its own until November 2026, recorded; and ``"attention": "scse"``."""

FORMER_SETTINGS = {"spatial_size": [32, 32]}


@pytest.mark.parametrize(
    "word",
    [
        {"architecture": "SmpUNetPlusPlus", "attention": "scse"},
        {"architecture": "SmpUNetPlusPlus"},
        {"_target_": "mammoseg.networks.SmpUNetPlusPlus", "attention": "scse"},
        {"_target_": "mammoseg.networks.smp_unetplusplus.SmpUNetPlusPlus", "attention": "scse"},
    ],
    ids=str,
)
def test_weights_of_the_former_unetplusplus_load_and_give_the_same_logits(tmp_path, unetplusplus, word):
    former = word | FORMER_UNETPLUSPLUS
    path = write(tmp_path / "old.pt", unetplusplus, network=former, preprocessing=FORMER_SETTINGS)
    weights = read_weights_for("smp_unetplusplus", path)
    assert weights.network == unetplusplus.config
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(build_trained_network(weights).eval()(image), unetplusplus.eval()(image))


def test_weights_of_the_former_unet_of_smp_have_no_decoder_and_load(tmp_path):
    network = SmpUNet(encoder="tu-test_resnet", channels=[16] * 5)
    former = {"architecture": "SmpUNet", **FORMER_UNETPLUSPLUS}
    path = write(tmp_path / "old.pt", network, network=former, preprocessing=FORMER_SETTINGS)
    assert build_trained_network(read_weights_for("smp_unet", path)).config == network.config


def test_weights_of_one_decoder_are_refused_by_the_bundle_of_the_other(tmp_path, unetplusplus):
    path = write(tmp_path / "model.pt", unetplusplus, preprocessing=FORMER_SETTINGS)
    said = "holds SmpUNet with decoder unetplusplus, bundle 'smp_unet' is SmpUNet with decoder unet; name its bundle"
    with pytest.raises(WeightsError, match=said):
        read_weights_for("smp_unet", path)


def test_what_a_record_leaves_out_has_its_default(tmp_path):
    short = {"network": {"architecture": "UNetSlim"}, "preprocessing": {"spatial_size": [16, 16]}}
    with torch.device("meta"):
        network = UNetSlim()
    content = read_checkpoint(write(tmp_path / "model.pt", network.to_empty(device="cpu"), **short))
    assert content["network"] == network.config
    assert content["preprocessing"] == sound_content()["preprocessing"]


def test_preprocessing_of_photographs_is_known_by_its_settings(tmp_path, network):
    settings = build_photograph_preprocessing(spatial_size=[16, 16], value_range=(-2, 2)).settings
    weights = read_weights(write(tmp_path / "model.pt", network, preprocessing=settings))
    assert build_preprocessing(weights).settings == settings


@pytest.mark.parametrize("name", list_bundle_names())
def test_every_bundle_records_a_network_that_is_accepted(tmp_path, name):
    network, _ = build_bundle_network(render(name)["train"])
    content = sound_content() | {"model": {}, "network": network.config}
    save_checkpoint(tmp_path / "model.pt", content)
    assert read_checkpoint(tmp_path / "model.pt")["network"] == network.config


def test_escape_sequences_of_the_provenance_are_shown_as_letters(tmp_path, network):
    path = write(tmp_path / "model.pt", network, provenance={"bundle": "a\x1b[2J\nb"})
    assert read_weights(path).provenance == {"bundle": r"a\x1b[2J\nb"}


@pytest.mark.parametrize("file", sorted(BUNDLES_FOLDER.glob(f"*/models/{SHIPPED}")), ids=lambda file: file.parts[-3])
def test_what_starts_from_weights_that_ship_can_be_read(file, tmp_path, network):
    path = write(tmp_path / "model.pt", network, provenance={"started_from": read_weights(file).origin})
    assert read_weights(path).provenance["started_from"]["sha256"] == hash_file(file)


def test_what_a_run_started_from_keeps_the_encoders_license_and_nests_no_deeper_with_each_run(tmp_path, network):
    encoder = {"weights": "of a package", "license": "Apache-2.0"}
    provenance = {"source": "cbis_ddsm", "versions": {"torch": "2"}, "encoder": encoder}
    for number in range(4):
        path = tmp_path / f"{number}.pt"
        write(path, network, provenance=provenance)
        started_from = read_weights(path).origin
        assert started_from["encoder"] == encoder and started_from["sha256"] == hash_file(path)
        assert "started_from" not in started_from
        provenance = {"source": "folder", "versions": {"torch": "2"}, "encoder": None, "started_from": started_from}
