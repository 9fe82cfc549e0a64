"""Options that override a bundle's config: what is wrong with them, said before torch is imported."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mammoseg.bundles import locate_bundle
from mammoseg.errors import WrongCallError, suggest_name

KINDS: dict[type, list[type]] = {
    bool: [bool],
    int: [int],
    float: [int, float],
    list: [list, tuple],
    dict: [dict],
}
"""Kind of a value of the config, to those that may stand for it."""

OWN = ("recipe", "weights")
"""Options of `train` and `evaluate` that are none of a config, and may be what was meant."""

UNSAID: dict[str, tuple[type, str]] = {
    "amp": (bool, "true or false"),
    "average": (dict, "a part with settings of its own"),
    "early_stop_patience": (int, "a whole number"),
    "flips": (bool, "true or false"),
    "fold": (int, "a whole number"),
    "lr_on_plateau": (bool, "true or false"),
    "max_gradient_norm": (float, "a number"),
    "threshold": (float, "a number"),
}
"""Options for which the config has nothing or an expression: the kind of their values, and the same in words."""

RANGES: dict[str, tuple[float, float]] = {
    "max_epochs": (1, math.inf),
    "batch_size": (1, math.inf),
    "accumulation": (1, math.inf),
    "val_interval": (1, math.inf),
    "early_stop_patience": (1, math.inf),
    "num_workers": (0, math.inf),
    "max_gradient_norm": (0, math.inf),
    "spatial_size": (1, math.inf),
    "seed": (0, 2**32 - 1),
    "lr": (0, math.inf),
    "threshold": (0, 1),
}
"""Smallest and largest value that an option of the config may have, or each of its values."""

REFERENCE = re.compile(r"[@%]([A-Za-z_]\w*(?:::\w+)*)")
"""A config's word for another of its parts."""


def list_config_files(bundle: str, overlays: Sequence[str]) -> list[str]:
    """A bundle's train.json and overlays on it, as MONAI takes them.

    Raises:
        WrongCallError: there is no such bundle.
    """
    configs = Path(locate_bundle(bundle)) / "configs"
    return [str(configs / f"{name}.json") for name in ("train", *overlays)]


def merge_config(bundle: str, overlays: Sequence[str]) -> dict[str, Any]:
    """What a bundle's train.json with overlays has of each option, as `check_overrides` takes it.

    Raises:
        WrongCallError: there is no such bundle.
    """
    files = list_config_files(bundle, overlays)
    config: dict[str, Any] = {}
    for path in (*files, files[0]):  # train.json once more, since an overlay may put a call where it has a value
        config |= json.loads(Path(path).read_text(encoding="utf-8"))
    return config


def check_overrides(overrides: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Refuse what MONAI would not notice, or end on a traceback for.

    Args:
        config: what `merge_config` gives.
    Raises:
        WrongCallError: naming the option and what may stand there.
    """
    for name, value in overrides.items():
        if name.partition("::")[0] not in config:
            near = suggest_name(name, [*config, *OWN], before="--")
            raise WrongCallError(f"there is no option --{name}; {near}docs/training.md names those of the config.")
        _check_place(name, config)
        kinds = _list_kinds(name, config)
        if kinds and type(value) not in kinds and not (is_expression(value) or (value is None and name in UNSAID)):
            raise WrongCallError(f"{name} is {value!r}; {_say_wanted(name, config)}.")
        check_size(name, value, config.get(name))
    channels, made_for = overrides.get("network_def::out_channels"), config["network_def"].get("out_channels")
    if channels is not None and "loss" not in overrides and channels != made_for is not None:
        raise WrongCallError(
            f"network_def::out_channels is {channels!r}; loss and labels of bundle '{config['bundle_name']}' are made "
            f"for {made_for}; leave it out."
        )
    interval, epochs = overrides.get("val_interval", 1), overrides.get("max_epochs", math.inf)
    if not (is_expression(interval) or is_expression(epochs)) and interval > epochs:
        raise WrongCallError(
            f"val_interval is {interval} and max_epochs {epochs}, so no epoch would be validated and no weights kept; "
            "give a val_interval of no more than max_epochs."
        )
    if overrides.get("encoder_weights") and "@encoder_weights" not in str(config["network_def"]):
        raise WrongCallError(
            f"bundle '{config['bundle_name']}' has no encoder that could start with weights; leave encoder_weights out."
        )


def check_use(run_id: str, overrides: Mapping[str, Any], files: Sequence[str]) -> None:
    """Refuse what no part of the config would read that this run reaches; its value would change nothing.

    Args:
        run_id: ``training`` or ``evaluating``.
        overrides: options as they were given.
        files: what `list_config_files` gives.

    Raises:
        WrongCallError: naming the first such option.
    """
    used = _find_reached(_merge_files(files), [run_id, "initialize"])
    if idle := [name for name in overrides if name.partition("::")[0] not in used]:
        doing = {"training": "a training", "evaluating": "an evaluation"}[run_id]
        raise WrongCallError(f"--{idle[0]} changes nothing of {doing}; leave it out.")


def check_size(name: str, value: Any, like: Any) -> None:
    """Refuse numbers that make no sense, and lists of others or more of them than the config has.

    Args:
        name: name of the option.
        value: its value as it was given.
        like: its value in the config.

    Raises:
        WrongCallError: naming the option and what may stand there.
    """
    numbers = value if isinstance(value, list | tuple) else [value]
    if isinstance(like, list) and isinstance(value, list | tuple):
        if [type(number) for number in numbers] != [type(number) for number in like]:
            raise WrongCallError(f"{name} is {value!r}; the config has {like!r}, give as many values of that kind.")
    low, high = RANGES.get(name, (-math.inf, math.inf))
    if any(
        type(number) in (int, float) and not (low <= number <= high and math.isfinite(number)) for number in numbers
    ):
        raise WrongCallError(
            f"{name} is {value!r}; give a finite number from {low} to {high}.".replace(" to inf", " on")
        )


def is_checked(name: str, value: Any, config: Mapping[str, Any]) -> bool:
    """Whether all was checked that an option may be; not so where it reaches into the config or is a part of it."""
    is_part = isinstance(config.get(name), dict | list) and name not in RANGES
    return not ("::" in name or is_part or is_expression(value))


def is_expression(value: Any) -> bool:
    """Whether only MONAI can tell what a value stands for."""
    return str(value).startswith(("$", "@"))


def _list_kinds(name: str, config: Mapping[str, Any]) -> list[type] | None:
    """What the value of an option may be; None where only the workflow can tell."""
    return KINDS.get(UNSAID[name][0] if name in UNSAID else type(config.get(name)))


def _say_wanted(name: str, config: Mapping[str, Any]) -> str:
    if name in UNSAID:
        return f"give {UNSAID[name][1]}"
    has = "a part with settings of its own" if isinstance(config[name], dict) else repr(config[name])
    return f"the config has {has}, give a value of that kind"


def _check_place(name: str, config: Mapping[str, Any]) -> None:
    """Refuse a nested name below a part that has none such; a part that is a call, or empty, may take any."""
    first, *rest = name.split("::")
    above, part = first, config[first]
    for key in rest:
        place = f"{above}::{key}"
        if not isinstance(part, dict) or not part or "_target_" in part or place in config:
            return
        if key not in part:
            raise WrongCallError(
                f"there is no option --{place}; {suggest_name(key, part)}{above} has: {', '.join(part)}."
            )
        above, part = place, part[key]


def _merge_files(files: Sequence[str]) -> dict[str, Any]:
    """Configs as MONAI takes them together: the later go before, and ``a::b`` stands for what lies in ``a``."""
    merged: dict[str, Any] = {}
    for file in files:
        for name, value in json.loads(Path(file).read_text(encoding="utf-8")).items():
            *above, last = name.split("::")
            place = merged
            for key in above:
                place = place[key]
            place[last] = value
    return merged


def _find_reached(config: Mapping[str, Any], starts: Sequence[str]) -> set[str]:
    """First names of all ids of a config that `starts` refer to, directly or by others."""
    waiting, seen = list(starts), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            part: Any = config
            for key in name.split("::"):
                part = part.get(key) if isinstance(part, dict) else None
            waiting += REFERENCE.findall(json.dumps(part))
    return {name.partition("::")[0] for name in seen}
