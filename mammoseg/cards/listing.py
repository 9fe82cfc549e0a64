"""What `mammoseg list` prints, from JSON files alone: no torch is imported."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mammoseg.bundles import BASE_FOLDER, BundleError, list_bundle_names, locate_bundle, locate_runs

RECIPES = BASE_FOLDER / "cards" / "recipes.json"
"""Short name of each recipe's paper, and what its scores mean; its citation stands in papers.json."""

SHIPPED = Path("models") / "shipped.json"
"""In a bundle's folder, what is known of the weights that it comes with."""

TRAINED = Path("models") / "model.pt"
"""In the folder that a bundle is trained in, the weights that `train` kept; an export has its own there."""

FACTS = ("name", "paper", "parameters", "input", "recipe")
"""What is listed of a bundle out of its facts."""


def print_cards(*, as_json: bool = False) -> None:
    """Print what `list_cards` gives: a table for people, or a JSON list for programs."""
    cards = list_cards()
    print(json.dumps(cards, indent=2) if as_json else as_table(cards))


def list_cards() -> list[dict[str, Any]]:
    """Name, paper, parameters, input ``[channels, rows, columns]``, recipe and weights of every bundle."""
    return [list_card(name) for name in list_bundle_names()]


def as_table(cards: Sequence[dict[str, Any]]) -> str:
    """Cards as text for people, one line each below a line of headings, columns aligned."""
    rows = [(*FACTS, "weights")]
    for card in cards:
        image = " x ".join(str(side) for side in card["input"])
        weights = "trained" if card["is_trained"] else "in the box" if card["has_weights"] else "to be trained"
        rows.append((card["name"], card["paper"], f"{card['parameters']:,}", image, card["recipe"], weights))
    name, paper, count, size, recipe, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    line = f"{{:{name}}}  {{:{paper}}}  {{:>{count}}}  {{:{size}}}  {{:{recipe}}}  {{}}"
    return "\n".join(line.format(*row) for row in rows)


def list_card(name: str) -> dict[str, Any]:
    """The same of one bundle.

    Raises:
        BundleError: when the bundle has no facts yet.
    """
    root = Path(locate_bundle(name))
    facts = read_card_file(root / "docs" / "facts.json")
    weights = {"has_weights": (root / SHIPPED).is_file(), "is_trained": (Path(locate_runs(name)) / TRAINED).is_file()}
    return {field: facts[field] for field in FACTS} | weights


def describe_paper(recipe: str) -> dict[str, str]:
    """Short name of a recipe's paper and what its scores mean.

    Raises:
        BundleError: naming the recipes that have one.
    """
    papers = read_card_file(RECIPES)
    if recipe not in papers:
        raise BundleError(f"recipe '{recipe}' has no paper; add it to {RECIPES}, which has {', '.join(papers)}.")
    return papers[recipe]


def read_card_file(path: Path) -> Any:
    """Content of a file of a card.

    Raises:
        BundleError: when it does not exist.
    """
    if not path.is_file():
        raise BundleError(f"{path} is missing; write docs/card.json, then run: python scripts/draw_cards.py")
    return json.loads(path.read_text(encoding="utf-8"))
