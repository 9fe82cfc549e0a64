"""A record stands for a network or a preprocessing of this package, or for none."""

import pytest
import torch

from mammoseg.checkpoints.recorded import (
    find_settings_function,
    rebuild_network_config,
    rebuild_preprocessing_settings,
)
from mammoseg.networks import build_network
from mammoseg.networks.network import ARCHITECTURE
from mammoseg.networks.unet import UNet
from mammoseg.transforms.settings import list_film_settings, list_photograph_settings, list_prompted_settings

SETTINGS = [
    (list_film_settings, {"spatial_size": [64, 32]}),
    (list_photograph_settings, {"spatial_size": [64, 32]}),
    (list_prompted_settings, {"spatial_size": [64, 32], "channels": 4, "frame": [128, 64]}),
]


def test_a_network_is_rebuilt_from_what_it_records_of_itself():
    config = UNet(in_channels=1, out_channels=2, channels=(2, 4)).config
    assert rebuild_network_config(config) == config


@pytest.mark.parametrize("target", ["mammoseg.networks.UNet", "mammoseg.networks.unet.UNet"])
def test_the_words_of_old_checkpoints_stand_for_the_same_network(target):
    arguments = {"in_channels": 1, "out_channels": 2, "channels": [2, 4]}
    old, new = (
        rebuild_network_config({key: name, **arguments}) for key, name in (("_target_", target), (ARCHITECTURE, "UNet"))
    )
    assert old == new


def test_a_network_that_became_another_one_keeps_what_it_was():
    found = rebuild_network_config({ARCHITECTURE: "SmpUNetPlusPlus", "in_channels": 3, "out_channels": 1})
    assert (found[ARCHITECTURE], found["decoder"], found["attention"]) == ("SmpUNet", "unetplusplus", "scse")


MEMBER = {ARCHITECTURE: "UNet", "channels": [2, 4]}
TWO = [MEMBER, {ARCHITECTURE: "UNetSlim"}]
MEAN = {ARCHITECTURE: "MeanOfNetworks", "in_channels": 1, "out_channels": 2, "members": TWO}


def test_a_mean_is_rebuilt_from_what_its_members_record():
    with torch.device("meta"):
        expected = build_network(MEAN).config
    assert rebuild_network_config(MEAN) == rebuild_network_config(expected) == expected
    assert expected["members"][0]["encoder_unit"] == "basic" and "in_channels" not in expected["members"][0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"members": [MEMBER, MEAN]}, "names no architecture of mammoseg"),
        ({"members": [MEMBER]}, "a mean that is not of 2 to 16 networks with the same channels"),
        ({"members": [MEMBER] * 17}, "a mean that is not of 2 to 16 networks"),
        ({"members": ["UNet", "UNet"]}, "a mean that is not of 2 to 16 networks"),
        ({"members": [MEMBER, {"_target_": "os.system"}]}, "names no architecture of mammoseg"),
        ({"members": [MEMBER, {**MEMBER, "widths": [2]}]}, "an unknown setting 'widths'"),
        ({"out_channels": 2.0}, "no fit value for 'out_channels'"),
        ({"more": 1}, "a mean that is not of 2 to 16 networks"),
    ],
)
def test_a_mean_of_what_are_no_networks_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        rebuild_network_config(MEAN | changes)


@pytest.mark.parametrize("record", [{}, {ARCHITECTURE: "os.system"}, {"_target_": "os.system"}, {ARCHITECTURE: 3}])
def test_no_other_name_is_a_network(record):
    with pytest.raises(ValueError, match="names no architecture of mammoseg"):
        rebuild_network_config(record)


@pytest.mark.parametrize(("complete", "given"), SETTINGS)
def test_settings_are_completed_by_the_preprocessing_that_has_all_of_them(complete, given):
    settings = complete(**given)
    assert find_settings_function(settings) is complete
    assert rebuild_preprocessing_settings(settings) == settings


def test_settings_that_a_young_record_has_and_an_old_one_lacks_are_the_defaults():
    whole = list_film_settings(spatial_size=(64, 32))
    old = {name: value for name, value in whole.items() if name not in ("patch_area", "voi")}
    assert rebuild_preprocessing_settings(old) == whole


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"spatial_size": [64, 32], "other": 1}, "records settings that no preprocessing of mammoseg has"),
        ({"spatial_size": [64, 32], "aspect": "crop"}, "records settings of no preprocessing"),
        ({"spatial_size": [0, 32]}, "records a grid that is empty"),
    ],
)
def test_settings_of_none_are_refused(record, sentence):
    with pytest.raises(ValueError, match=sentence):
        rebuild_preprocessing_settings(record)
