"""Settings as weights record them: complete, of kinds that JSON has, and refused where no step could follow them."""

import json

import pytest

from mammoseg.errors import WrongCallError
from mammoseg.transforms.settings import list_film_settings, list_photograph_settings, list_prompted_settings

WHOLE = {"crop_border": False, "crop_to_breast": False, "remove_background": False}


@pytest.mark.parametrize(
    ("complete", "given"),
    [
        (list_film_settings, {"spatial_size": (64, 32), "modalities": ("MG", "RG"), "clahe_clip_limit": 2.0}),
        (list_photograph_settings, {"spatial_size": (64, 32), "value_range": (0, 1)}),
        (list_prompted_settings, {"spatial_size": (64, 32), "channels": 4, "frame": (640, 320)}),
    ],
)
def test_settings_come_back_from_json_as_they_were_and_stand_for_themselves(complete, given):
    settings = complete(**given)
    assert json.loads(json.dumps(settings)) == settings == complete(**settings)
    assert settings["spatial_size"] == [64, 32]
    assert all(settings[name] == (list(value) if isinstance(value, tuple) else value) for name, value in given.items())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"keys": ()}, "keys is empty; name the image's key"),
        ({"aspect": "crop"}, "unknown aspect 'crop'; known: stretch, pad"),
        ({"intensity": "log"}, "unknown intensity 'log'; known: unit, percentile, zscore, breast"),
        ({"voi": "widow 1 2"}, "voi is 'widow 1 2'; give 'first', 'none' or an index"),
        ({"voi": "window 100 0.5"}, "a window of width 0.5 shows nothing"),
        ({"patch_area": 1.2}, "a patch around a mass has no border"),
        ({"patch_area": 0.9, **WHOLE}, "patch_area is 0.9; give a multiple of 1 to 16"),
    ],
)
def test_settings_without_meaning_are_refused(given, sentence):
    with pytest.raises(WrongCallError, match=sentence):
        list_film_settings(spatial_size=(64, 32), **given)


@pytest.mark.parametrize("voi", ["first", "none", 1, "window 100 50", "curve 0 0 1 1"])
def test_every_grey_value_function_with_a_meaning_is_recorded_as_it_was_given(voi):
    assert list_film_settings(spatial_size=(64, 32), voi=voi)["voi"] == voi


def test_photographs_go_from_minus_one_to_one_where_nothing_is_said():
    assert list_photograph_settings(spatial_size=(8, 4)) == {"spatial_size": [8, 4], "value_range": [-1.0, 1.0]}
