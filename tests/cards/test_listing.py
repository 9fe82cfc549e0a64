"""`mammoseg list`: from JSON files alone."""

import json
import subprocess
import sys

import pytest

from mammoseg.bundles import BundleError, list_bundle_names
from mammoseg.cards.listing import as_table, describe_paper, list_card, read_card_file

UNET = {
    "name": "unet",
    "paper": "Sun et al. 2020",
    "parameters": 34527106,
    "input": [3, 256, 256],
    "recipe": "sun2020",
    "has_weights": False,
    "is_trained": False,
}

LIST = """
import sys
from mammoseg import cli
sys.argv = ["mammoseg", "list", *sys.argv[1:]]
cli.main()
assert "torch" not in sys.modules and "monai" not in sys.modules
"""


def listed(*options: str) -> str:
    done = subprocess.run([sys.executable, "-c", LIST, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_list_is_a_line_for_each_bundle_and_imports_no_torch():
    headings, *lines = listed().splitlines()
    assert headings.split() == ["name", "paper", "parameters", "input", "recipe", "weights"]
    assert [line.split()[0] for line in lines] == list_bundle_names()
    assert [line.split()[0] for line in lines if line.endswith("in the box")] == ["click_unet", "efficientnet_unet"]


def test_list_as_json_has_the_same_for_programs_and_imports_no_torch():
    cards = {card["name"]: card for card in json.loads(listed("--json"))}
    assert list(cards) == list_bundle_names() and cards["unet"] == UNET


def test_card_of_a_bundle_comes_from_its_files():
    assert list_card("unet") == UNET


def test_table_aligns_its_columns():
    assert as_table([UNET | {"name": "a", "parameters": 7}]) == (
        "name  paper            parameters  input          recipe   weights\n"
        "a     Sun et al. 2020           7  3 x 256 x 256  sun2020  to be trained"
    )


def test_a_bundle_that_was_trained_is_listed_so(tmp_path, monkeypatch):
    monkeypatch.setattr("mammoseg.cards.listing.locate_runs", lambda name: str(tmp_path / name))
    (tmp_path / "unet" / "models").mkdir(parents=True)
    (tmp_path / "unet" / "models" / "model.pt").touch()
    _, unet, aunet = as_table([list_card("unet"), list_card("aunet")]).splitlines()
    assert unet.endswith("  trained") and aunet.endswith("  to be trained")


def test_missing_file_of_a_card_is_named_with_the_command_that_writes_it(tmp_path):
    with pytest.raises(BundleError, match=r"facts.json is missing; .*draw_cards.py"):
        read_card_file(tmp_path / "facts.json")


def test_recipe_without_a_paper_is_refused_with_the_known_ones():
    with pytest.raises(BundleError, match="recipe 'mine' has no paper; .*sun2020"):
        describe_paper("mine")
