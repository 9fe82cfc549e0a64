"""A card says where its recipe departs from the paper, as long as it does."""

import copy

import pytest

from mammoseg.bundles import render
from mammoseg.cards.departures import list_departures
from mammoseg.cards.facts import build_bundle_network
from mammoseg.transforms.arrays import ArrayPreprocessing
from mammoseg.transforms.pipelines import build_film_preprocessing


def said(bundle: str, recipe: str, **changes) -> str:
    config = copy.deepcopy(render(bundle)["train"])
    for path, value in changes.items():
        *parents, last = path.split("__")
        part = config
        for key in parents:
            part = part[key]
        part[last] = value
    network, _ = build_bundle_network(config)
    return " ".join(list_departures(recipe, config, network))


def test_sun_lists_what_its_preprocessing_does_beyond_the_paper():
    text = said("aunet", "sun2020")
    for words in (
        "mixed precision",
        "last batch",
        "mirrored",
        "border of the film",
        "Labels",
        "box of the breast",
        "Dice",
    ):
        assert words in text
    assert "CLAHE" not in text and "Keras" not in text


def test_sarker_lists_keras_and_clahe_and_nothing_that_the_paper_does_too():
    text = said("connected_unets", "sarker2022")
    assert "as Keras does" in text and "eps 1e-3" in text and "CLAHE is done after" in text
    assert "mirrored" not in text and "border of the film" not in text  # the paper cuts borders, too


def test_clahe_comes_after_resizing():
    settings = build_film_preprocessing(spatial_size=(8, 8), clahe_clip_limit=2.0).settings
    names = [type(step).__name__ for step in ArrayPreprocessing(settings).steps]
    assert names.index("Clahe") > names.index("ResizeToGrid")


def test_isosalo_chooses_by_the_loss_so_its_card_does_not_speak_of_dice():
    text = said("resnet34_unet", "isosalo2022")
    assert "Dice" not in text and "second stage chooses" in text and "by the tissue of each image" in text


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"precision": "float32"}, "mixed precision"),
        ({"preprocessing__orient_left": False}, "mirrored"),
        ({"preprocessing__crop_border": False}, "border"),
        ({"preprocessing__remove_background": False}, "Labels"),
        ({"train__dataloader__drop_last": False}, "last batch"),
        ({"validate__key_metric": {"val_loss": {}}}, "Dice"),
    ],
)
def test_a_departure_that_the_config_does_not_make_is_not_on_the_card(change, gone):
    assert gone in said("aunet", "sun2020") and gone not in said("aunet", "sun2020", **change)


def test_what_the_thesis_does_not_say_is_no_departure():
    text = said("smp_unet", "vassilenko2022")
    assert "mixed precision" in text and "mirrored" not in text


def test_our_own_recipe_departs_from_nothing():
    assert said("efficientnet_unet", "mammoseg2026") == ""
