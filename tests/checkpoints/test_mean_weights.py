"""Several checkpoints become the weights of one network, which says all that they say, or one sentence why not."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mammoseg.bundles import list_bundle_names
from mammoseg.cards.attribution import list_attributions
from mammoseg.checkpoints.checkpoint import build_trained_network, read_weights, save_checkpoint, write_weights
from mammoseg.checkpoints.ensemble_file import EnsembleRecord
from mammoseg.checkpoints.mean_weights import join_weights
from mammoseg.checkpoints.record import check_architecture
from mammoseg.checkpoints.weights_file import WeightsError
from mammoseg.data.cbis_ddsm import LICENSE
from mammoseg.errors import WrongCallError
from mammoseg.files import hash_file
from mammoseg.networks import AttentionUNet, MeanOfNetworks, Network, UNetSlim
from mammoseg.provenance import FILM_WARNING, find_source, find_warning
from mammoseg.transforms.pipelines import build_film_preprocessing


def write(path: Path, network: Network | None = None, *, size: int = 16, source: str = "phantom", **parts) -> Path:
    """Weights of a narrow `UNetSlim`, or of another network, that was never trained."""
    network = network or UNetSlim(channels=(2, 4))
    settings = build_film_preprocessing(spatial_size=(size, size)).settings
    provenance = {"source": source, **parts.pop("provenance", {})}
    content = {"model": network.state_dict(), "network": network.config, "preprocessing": settings}
    save_checkpoint(path, {**content, "provenance": provenance, **parts})
    return path


@pytest.fixture
def two(tmp_path) -> list[Path]:
    """Weights of two bundles."""
    attention = AttentionUNet(channels=(2, 4), up_channels=(2,))
    return [
        write(tmp_path / "a.pt", provenance={"bundle": "unet_slim"}),
        write(tmp_path / "b.pt", attention, source="cbis_ddsm", provenance={"bundle": "attention_unet"}),
    ]


def test_the_mean_is_written_and_read_as_one_network_with_the_tensors_of_all(two, tmp_path):
    weights = write_weights(join_weights(two, bundle="unet_slim"), tmp_path / "mean.pt")
    network = build_trained_network(weights)
    assert isinstance(network, MeanOfNetworks) and weights.architecture == "the mean of UNetSlim and AttentionUNet"
    for member, file in zip(network.members, two, strict=True):
        expected = read_weights(file).model
        assert all(torch.equal(value, expected[key]) for key, value in member.state_dict().items())


def test_each_member_is_named_with_file_hash_and_data_and_what_must_be_said_stays(two, tmp_path):
    said = write_weights(join_weights(two, bundle="unet_slim"), tmp_path / "mean.pt").provenance
    assert said["bundle"] == "unet_slim" and [one["file"] for one in said["members"]] == ["a.pt", "b.pt"]
    assert [one["sha256"] for one in said["members"]] == list(map(hash_file, two))
    assert [one["source"] for one in said["members"]] == ["phantom", "cbis_ddsm"]
    assert find_source(said) == "phantom+cbis_ddsm" and FILM_WARNING in find_warning(said)
    phantom, film = list_attributions(said, {})
    assert "made by mammoseg" in phantom and LICENSE in film


def test_a_long_history_of_a_member_keeps_its_licenses_and_can_be_read_again(two, tmp_path):
    encoder = {"encoder": "resnet34", "weights": "a package 0.1.0", "license": "Apache-2.0"}
    before = {"source": "mias", "encoder": encoder, "calibrated": {"counts": {"images": 3}}, "versions": {"torch": "2"}}
    old = write(tmp_path / "old.pt", provenance={"started_from": before, "calibrated": {"counts": {"images": 3}}})
    said = write_weights(join_weights([two[1], old], bundle="unet_slim"), tmp_path / "mean.pt").provenance
    assert "counts" not in said["members"][1]["calibrated"]
    film, phantom, mias, first = list_attributions(said, {})
    assert LICENSE in film and "made by mammoseg" in phantom and "mini-MIAS" in mias
    assert first.startswith("First weights of the encoder resnet34: a package 0.1.0; Apache-2.0;")


def test_without_a_record_threshold_and_least_area_follow_the_rule_of_the_mean(tmp_path):
    files = [
        write(tmp_path / "a.pt", threshold=0.2, min_area_mm2=5.0, flips=True),
        write(tmp_path / "b.pt", flips=True, calibration={"scale": 1.0, "offset": 0.0, "fitted_on": "b"}),
    ]
    weights = join_weights(files, bundle="unet_slim")
    assert weights.threshold == pytest.approx(0.35), "the mean of 0.2 and of what the bundle has, 0.5"
    assert (weights.min_area_mm2, weights.flips, weights.calibration) == (5.0, True, None)


def test_a_record_decides_of_flips_too_and_is_held_to_its_members(two, tmp_path):
    write(two[0], flips=True)
    members = {file.name: hash_file(file) for file in two}
    calibration = {"scale": 0.5, "offset": -1.0, "fitted_on": "discs"}
    record = EnsembleRecord(members, 0.7, calibration, True, 10.0, {"calibrated": {"counts": {"images": 3}}})
    weights = write_weights(join_weights(two, bundle="unet_slim", record=record), tmp_path / "mean.pt")
    assert (weights.threshold, weights.calibration, weights.flips, weights.min_area_mm2) == (0.7, calibration, True, 10)
    assert weights.provenance["calibrated"] == {"counts": {"images": 3}} and len(weights.provenance["members"]) == 2
    with pytest.raises(WeightsError, match=r"a\.pt is not the file that its ensemble\.json is about"):
        join_weights(two, bundle="unet_slim", record=replace(record, members={**members, "a.pt": "aa"}))


def test_of_one_file_with_a_record_it_is_that_network(two):
    record = EnsembleRecord({"a.pt": hash_file(two[0])}, 0.7)
    weights = join_weights(two[:1], bundle="unet_slim", record=record)
    assert (weights.architecture, weights.threshold) == ("UNetSlim", 0.7)
    assert weights.provenance["source"] == "phantom" and weights.provenance["checkpoint_sha256"] == hash_file(two[0])


OTHERWISE = {
    "another grid": ({"size": 32}, r"spatial_size \[32, 32\] there, \[16, 16\] here"),
    "flips": ({"flips": True}, "flips True there, False here"),
    "other channels": ({"network": UNetSlim(out_channels=2, channels=(2, 4))}, "out_channels 2 there, 1 here"),
}


@pytest.mark.parametrize(("changes", "reason"), OTHERWISE.values(), ids=OTHERWISE)
def test_members_that_see_an_image_in_different_ways_are_refused(changes, reason, two, tmp_path):
    other = write(tmp_path / "c.pt", **changes)
    said = rf"a\.pt here and .*c\.pt there see an image in different ways, {reason}: .*predict and the label server"
    with pytest.raises(WrongCallError, match=said):
        join_weights([two[0], other], bundle="unet_slim")


def test_a_mean_in_a_mean_and_too_many_are_refused(two, tmp_path):
    mean = write_weights(join_weights(two, bundle="unet_slim"), tmp_path / "mean.pt").path
    with pytest.raises(WrongCallError, match=r"mean\.pt is a mean of networks itself; name its members"):
        join_weights([two[0], mean], bundle="unet_slim")
    with pytest.raises(WrongCallError, match="17 weights are too many for one network; name at most 16"):
        join_weights(two[:1] * 17, bundle="unet_slim")


def test_a_mean_is_of_the_bundles_of_its_members_and_of_no_other(two):
    weights, accepted = join_weights(two, bundle="unet_slim"), []
    for bundle in list_bundle_names():
        try:
            check_architecture(weights, bundle)
            accepted.append(bundle)
        except WeightsError as error:
            assert "holds the mean of UNetSlim and AttentionUNet, bundle" in str(error)
    assert accepted == ["attention_unet", "unet_slim"]


def test_a_member_of_no_bundle_it_could_be_of_is_named(two, tmp_path):
    stranger = write(tmp_path / "c.pt", AttentionUNet(channels=(2, 4), up_channels=(2,)))
    with pytest.raises(WeightsError, match=r"c\.pt holds AttentionUNet, bundle 'unet_slim' is UNetSlim"):
        join_weights([two[0], stranger], bundle="unet_slim")
