"""Model cards of the bundles and docs/architectures.md."""

import json
import re
from pathlib import Path

import pytest

from mammoseg.bundles import BUNDLES_FOLDER, list_bundle_names
from mammoseg.cards.card import pick_headline, read_readings, render_all_files
from mammoseg.cards.listing import SHIPPED
from mammoseg.cards.measured import choose_shown_grid, read_measured, select_measured
from mammoseg.data.cbis_ddsm import LICENSE

LARGEST_FIGURE = 60_000
"""Bytes."""


def docs(name: str) -> Path:
    return BUNDLES_FOLDER / name / "docs"


def test_cards_are_up_to_date_with_networks_and_configs():
    for path, text in render_all_files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}; run: python scripts/draw_cards.py"


def read_card(name: str) -> dict:
    """What a person wrote down for a bundle."""
    return json.loads((docs(name) / "card.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", list_bundle_names())
def test_published_and_measured_numbers_stand_in_tables_of_their_own(name):
    card = (docs(name) / "README.md").read_text(encoding="utf-8")
    published = read_card(name)["published"]
    assert card.count("| data | published |\n|---|---|\n") == bool(published)
    dice = {
        f"| {choose_shown_grid(run)['dice']:.3f} ("
        for record in select_measured(name, read_measured())
        for run in record["runs"]
    }
    assert all(text in card for text in dice) and card.count("| run | Dice, mean of images ") == bool(dice)


@pytest.mark.parametrize("name", list_bundle_names())
def test_a_card_names_the_page_of_what_was_measured_or_says_that_nothing_was(name):
    card = (docs(name) / "README.md").read_text(encoding="utf-8")
    page = read_card(name).get("results")
    measured = page is not None or select_measured(name, read_measured()) != []
    assert measured == ("Not yet measured here." not in card) == ("Measured here" in card)
    if page is not None:
        assert f"(../../../docs/{page})" in card and (docs(name) / "../../../docs" / page).is_file()


@pytest.mark.parametrize("name", list_bundle_names())
def test_figure_is_small(name):
    assert (docs(name) / "structure.svg").stat().st_size < LARGEST_FIGURE


@pytest.mark.parametrize("name", list_bundle_names())
def test_links_of_a_card_lead_to_files(name):
    links = re.findall(r"\]\((.+?)\)", (docs(name) / "README.md").read_text(encoding="utf-8"))
    assert links and all((docs(name) / link).is_file() for link in links)


@pytest.mark.parametrize("name", [name for name in list_bundle_names() if name.startswith("se_fusion")])
def test_card_of_a_reconstructed_decoder_says_so(name):
    assert "The decoder is a reconstruction" in (docs(name) / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [path.parts[-3] for path in sorted(BUNDLES_FOLDER.glob(f"*/{SHIPPED}"))])
def test_card_of_a_bundle_with_weights_names_the_licenses_of_images_and_encoder(name):
    _, attribution = (docs(name) / "README.md").read_text(encoding="utf-8").split("\n## Attribution\n")
    images, encoder = re.findall("^- (.*)$", attribution, re.MULTILINE)
    assert LICENSE in images and "changed: cut" in images
    assert "pytorch-model" in encoder and "Apache-2.0" in encoder


def test_readings_concern_bundles_that_exist():
    assert {bundle for reading in read_readings().values() for bundle in reading["bundles"]} <= set(list_bundle_names())


def test_headline_is_the_first_dice_of_each_data_set():
    published = [{"data": "A", "dice": "1"}, {"data": "A", "dice": "2"}, {"data": "B", "dice": ""}]
    assert pick_headline(published) == {"A": "1"}
