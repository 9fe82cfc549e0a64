"""Where a bundle trains otherwise than its paper, read from its complete config and its network.

What a paper does stands here once; whether ours does something else is asked of the config, so that a departure which
is mended is gone from the card.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from mammoseg.bundles import look_up_setting

PAPERS = ("sun2020", "sarker2022", "isosalo2022", "vassilenko2022", "vassilenko2022_voc")
"""Recipes that are of a paper."""

SUN = ("sun2020",)
"""Its paper removes background rows and columns and resizes, with no further processing."""

KERAS_BORN = ("sarker2022",)
"""Recipes whose paper trained in Keras."""

KERAS_CONSTANTS = (1e-3, 0.01)
"""Of Keras' batch normalisation: eps, and momentum as PyTorch counts it."""

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Departure:
    """One way in which a recipe may differ from its paper.

    Attributes:
        recipes: recipes whose papers do it otherwise.
        is_ours: whether a config and its network do it our way.
        says: the sentence of the card.
    """

    recipes: tuple[str, ...]
    is_ours: Callable[[Config, nn.Module], bool]
    says: str


def _has(path: str, *values: Any) -> Callable[[Config, nn.Module], bool]:
    """Whether a config has one of these values at a path."""
    return lambda config, network: look_up_setting(config, path) in values


DEPARTURES = (
    Departure(
        PAPERS,
        lambda config, network: "float16" in str(look_up_setting(config, "precision")),
        "On a GPU the training is in mixed precision, the paper's is not; `--precision float32` is its way.",
    ),
    Departure(
        PAPERS,
        _has("train::dataloader::drop_last", True),
        "The last batch of an epoch is left out where it is not full; `--train::dataloader::drop_last false` keeps it.",
    ),
    Departure(
        KERAS_BORN,
        lambda config, network: True,
        "Weights begin as PyTorch initialises them, not as Keras does.",
    ),
    Departure(
        KERAS_BORN,
        lambda config, network: _read_constants(network) != KERAS_CONSTANTS,
        "Batch normalisation has PyTorch's constants (eps 1e-5, momentum 0.1), not those of Keras (eps 1e-3, 0.99, "
        "which PyTorch calls 0.01).",
    ),
    Departure(
        SUN,
        _has("preprocessing::orient_left", True),
        "Images are mirrored so that the breast stands on the left; `--preprocessing::orient_left false` leaves it "
        "out.",
    ),
    Departure(
        SUN,
        _has("preprocessing::crop_border", True),
        "The border of the film is cut off; `--preprocessing::crop_border false` leaves it out.",
    ),
    Departure(
        SUN,
        _has("preprocessing::remove_background", True),
        "Labels and all else outside the breast are set to the background; `--preprocessing::remove_background false` "
        "leaves it out.",
    ),
    Departure(
        SUN,
        _has("preprocessing::crop_to_breast", True),
        "The image is cut to the box of the breast that was found, not to rows and columns whose greatest value is not "
        "negligible; `--preprocessing::crop_to_breast false --preprocessing::crop_negligible true` is its way.",
    ),
    Departure(
        ("sarker2022",),
        lambda config, network: look_up_setting(config, "preprocessing::clahe_clip_limit") is not None,
        "CLAHE is done after the image was resized, the paper does it before.",
    ),
    Departure(
        ("isosalo2022",),
        _has("preprocessing::intensity", "zscore"),
        "Grey values get mean 0 and standard deviation 1 by the tissue of each image, not by the training set.",
    ),
    Departure(
        ("isosalo2022",),
        lambda config, network: "512" in str(look_up_setting(config, "spatial_size")),
        "In training the network sees the crop of 448 x 448 padded to 512 x 512, the paper's sees 448 x 448.",
    ),
    Departure(
        ("isosalo2022",),
        lambda config, network: (
            "losses" in look_up_setting(config, "loss")
            and "val_loss" in look_up_setting(config, "validate::key_metric")
        ),
        "The loss of the second stage chooses the weights of both stages.",
    ),
    Departure(
        ("sun2020", "sarker2022", "vassilenko2022"),
        lambda config, network: any("dice" in name for name in look_up_setting(config, "validate::key_metric")),
        "The weights kept are those of the best validation Dice, not of the lowest loss; the paper does not say which "
        "it kept.",
    ),
)
"""All that is known, in the order of the card."""


def list_departures(recipe: str, config: Config, network: nn.Module) -> list[str]:
    """The sentences that are true of a bundle; none for a recipe of no paper.

    Args:
        recipe: key of the recipe.
        config: complete train config of `mammoseg.bundles.render`.
        network: what `mammoseg.cards.facts.build_bundle_network` builds of that config.

    Examples:
        >>> from mammoseg.bundles import render
        >>> from mammoseg.cards.departures import list_departures
        >>> from mammoseg.cards.facts import build_bundle_network
        >>> config = render("resnet22_unet")["train"]
        >>> len(list_departures("isosalo2022", config, build_bundle_network(config)[0]))
        5
    """
    return [known.says for known in DEPARTURES if recipe in known.recipes and known.is_ours(config, network)]


def _read_constants(network: nn.Module) -> tuple[float, float | None]:
    """Eps and momentum of the first batch normalisation."""
    first = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    return first.eps, first.momentum
