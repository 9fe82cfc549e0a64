"""What a checkpoint records of its network and its preprocessing, rebuilt word by word before anything uses it.

A file says what its weights are for, and a file may come from anybody. So it chooses among what this package has: an
architecture by a word of the index, arguments by the names of a signature, values that are numbers and short words. No
name out of a file is ever looked up in a module, and no text out of a file becomes part of a config.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from mammoseg.checkpoints.recorded_values import check_grid, rebuild_arguments, with_text_keys
from mammoseg.networks import ARCHITECTURES, MeanOfNetworks
from mammoseg.networks.mean_of_networks import drop_channels
from mammoseg.networks.network import ARCHITECTURE
from mammoseg.transforms.settings import list_film_settings, list_photograph_settings, list_prompted_settings

SETTINGS: tuple[Callable[..., dict[str, Any]], ...] = (
    list_film_settings,
    list_photograph_settings,
    list_prompted_settings,
)
"""What a record may be the settings of: the first whose signature has all its names."""

OLD_TARGETS = {
    target: name
    for name, network in ARCHITECTURES.items()
    for target in (f"mammoseg.networks.{name}", f"{network.__module__}.{name}")
} | {
    "mammoseg.networks.SmpUNetPlusPlus": "SmpUNetPlusPlus",
    "mammoseg.networks.smp_unetplusplus.SmpUNetPlusPlus": "SmpUNetPlusPlus",
}
"""Architectures by what checkpoints called them until November 2026."""

MERGED: dict[str, tuple[str, dict[str, Any]]] = {
    "SmpUNetPlusPlus": ("SmpUNet", {"decoder": "unetplusplus", "attention": "scse"}),
}
"""Architectures that became another one with these arguments; checkpoints of before keep their words."""

MOST_MEMBERS = 16
"""Most networks of a mean."""


def rebuild_network_config(record: dict[Any, Any]) -> dict[str, Any]:
    """The `Network.config` that `record` stands for, with all arguments.

    Raises:
        ValueError: why it stands for none, after the name of the file.
    """
    given = with_text_keys(record)
    return _rebuild_mean(given) if given.get(ARCHITECTURE) == MeanOfNetworks.__name__ else _rebuild_one(given)


def _rebuild_mean(given: dict[str, Any]) -> dict[str, Any]:
    """A mean of networks by the same rules as each of them; none of them may be a mean in turn."""
    match given:
        case {"in_channels": entering, "out_channels": leaving, "members": [_, _, *_] as members} if (
            len(given) == 4 and len(members) <= MOST_MEMBERS and all(isinstance(one, dict) for one in members)
        ):
            channels = {"in_channels": entering, "out_channels": leaving}
        case _:
            raise ValueError(f"records a mean that is not of 2 to {MOST_MEMBERS} networks with the same channels")
    rebuilt = [_rebuild_one({**with_text_keys(one), **channels}) for one in members]
    return {ARCHITECTURE: MeanOfNetworks.__name__, **channels, "members": [drop_channels(one) for one in rebuilt]}


def _rebuild_one(given: dict[str, Any]) -> dict[str, Any]:
    name = given.pop(ARCHITECTURE, None)
    if name is None:
        name = OLD_TARGETS.get(str(given.pop("_target_", None)))
    name, settings = MERGED.get(str(name), (name, {}))
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise ValueError("names no architecture of mammoseg")
    arguments = rebuild_arguments(ARCHITECTURES[name].__init__, settings | given)
    if arguments.get("encoder_weights") is not None:
        raise ValueError("names other weights for its encoder, though it brings its own")
    return {ARCHITECTURE: name, **arguments}


def rebuild_preprocessing_settings(record: dict[Any, Any]) -> dict[str, Any]:
    """The `Preprocessing.settings` that `record` stands for.

    Raises:
        ValueError: why it stands for none, after the name of the file.
    """
    given = with_text_keys(record)
    complete = find_settings_function(given)
    arguments = rebuild_arguments(complete, given)
    check_grid(arguments["spatial_size"], arguments.get("channels", 3))
    try:
        return complete(**arguments)
    except Exception as error:  # of any step of it
        raise ValueError("records settings of no preprocessing") from error


def find_settings_function(settings: Mapping[str, Any]) -> Callable[..., dict[str, Any]]:
    """Which of `SETTINGS` these are of.

    Raises:
        ValueError: of none, after the name of the file.
    """
    for complete in SETTINGS:
        if settings.keys() <= inspect.signature(complete).parameters.keys():
            return complete
    raise ValueError("records settings that no preprocessing of mammoseg has")
