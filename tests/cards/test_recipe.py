"""Settings of a recipe in words."""

from mammoseg.bundles import render
from mammoseg.cards.recipe import format_setting, list_recipe_settings


def test_object_is_its_name_with_arguments_and_references_resolved():
    optimizer = {"_target_": "torch.optim.Adam", "params": "$@network.parameters()", "lr": "@lr", "amsgrad": True}
    assert format_setting(optimizer, {"lr": 0.1}) == "Adam(lr=0.1, amsgrad=true)"


def test_objects_within_objects_are_told_too():
    loss = {"_target_": "a.Sum", "losses": [{"_target_": "b.Dice"}, {"_target_": "b.Focal", "gamma": 2}]}
    assert format_setting(loss, {}) == "Sum(losses=[Dice(), Focal(gamma=2)])"


def test_one_and_zero_stay_numbers():
    assert format_setting([0, 1, True, None], {}) == "[0, 1, true, null]"


def test_settings_that_are_off_are_left_out():
    settings = list_recipe_settings(render("unet")["train"])
    assert settings["epochs"] == "120" and "augmentation" not in settings
