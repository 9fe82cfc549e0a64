"""Train and evaluate a bundle by name: MONAI's own workflow, the right overlays, errors that a person can read."""

import inspect
import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammoseg.bundles import bundle_root, why_no_masses
from mammoseg.checkpoints.weights_file import (
    Named,
    best_weights,
    default_weights,
    described_ensemble,
    existing_weights,
    named_weights,
)
from mammoseg.command_line import causes, known_error
from mammoseg.data.datalist import load_section
from mammoseg.errors import FaultError, MammosegError, StoppedError, WrongCallError, did_you_mean, unknown_name
from mammoseg.evaluation.tables import dice_lines, mass_lines
from mammoseg.provenance import warn_of_doubt
from mammoseg.quick_import import quick_imports

if TYPE_CHECKING:  # both import torch, which takes seconds that a wrong call need not wait
    from monai.bundle import ConfigWorkflow

RECIPES: dict[str, tuple[str, ...]] = {"paper": (), "common": ("common_recipe",)}
"""Overlays on train.json by the name of the recipe."""

KINDS: dict[type, list[type]] = {
    bool: [bool],
    int: [int],
    float: [int, float],
    list: [list, tuple],
    dict: [dict],
}
"""Kind of a value of the config, to those that may stand for it."""

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


def train(
    bundle: str, *, dataset_dir: str, recipe: str = "paper", start_from: str | None = None, **overrides: Any
) -> None:
    """Train a bundle; the same call continues an interrupted run.

    Args:
        bundle: name of the bundle.
        dataset_dir: folder of the ``datalist.json``.
        recipe: ``paper`` (of the bundle) or ``common`` (the same for all).
        start_from: checkpoint whose weights, network and preprocessing the training starts with; None starts anew.
        overrides: values of the config, nested ones by ``::``.
    Raises:
        StoppedError: Ctrl-C.
        MammosegError: what a person can mend.
    """
    if recipe not in RECIPES:
        raise unknown_name("recipe", recipe, RECIPES)
    overlays = RECIPES[recipe] + (("start_from",) if start_from else ())
    if absent := [name for name in overlays if not (Path(bundle_root(bundle)) / "configs" / f"{name}.json").is_file()]:
        raise WrongCallError(f"bundle '{bundle}' has no {absent[0]}; train it with --recipe paper.")
    start = {"start_from": start_from} if start_from else {}
    try:
        flow = run_workflow(bundle, "training", *overlays, dataset_dir=dataset_dir, **start, **overrides)
    except KeyboardInterrupt as error:
        raise StoppedError(
            "stopped; epochs that had ended are kept, and the same command goes on after the last of them."
        ) from error
    weights = flow.parser.get_parsed_content("best_checkpoint")
    if not Path(weights).is_file():
        raise MammosegError(
            f"no epoch had a validation Dice, so there are no weights at {weights}; "
            "validation needs images with masses, and --val_interval no more epochs than the training has."
        )
    print(f"Weights: {weights}")


def evaluate(bundle: str, *, dataset_dir: str, weights: Named | None = None, **overrides: Any) -> None:
    """Score the test section with network and preprocessing as the weights record them.

    Args:
        bundle: name of the bundle.
        dataset_dir: folder of the ``datalist.json``.
        weights: checkpoint; None takes the bundle's own. Several, or a folder of several, are scored as their mean.
        overrides: values of the config, nested ones by ``::``; ``validation_section`` chooses another section.
    Raises:
        MammosegError: what a person can mend.
    """
    if why_no_masses(bundle) == "needs prompts":
        raise WrongCallError(
            f"bundle '{bundle}' needs prompts; it is measured by: python scripts/benchmark.py prompts."
        )
    files = named_weights(weights) if weights else []
    if len(files) > 1 or (weights and described_ensemble(weights)):
        output = _evaluate_mean(bundle, dataset_dir=dataset_dir, weights=weights, **overrides)
    else:
        named = {"best_checkpoint": str(files[0])} if files else {}
        flow = run_workflow(bundle, "evaluating", "evaluate", dataset_dir=dataset_dir, **named, **overrides)
        output = Path(flow.parser.get_parsed_content("output_dir"))
    summary = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    print(*dice_lines(summary["scores"]), *mass_lines(summary), sep="\n")
    print(f"Tables: {output / 'per_image.csv'}, {output / 'summary.csv'}, {output / 'froc.csv'}")
    warn_of_doubt(summary["provenance"])


def _evaluate_mean(bundle: str, **options: Any) -> Path:
    """Refuse what the config of one network has and a mean has not."""
    with quick_imports():
        from mammoseg.evaluation.evaluate_mean import evaluate_mean
    known = {name: of.default for name, of in inspect.signature(evaluate_mean).parameters.items()}
    if unknown := sorted(options.keys() - known.keys()):
        own = ", ".join(
            f"--{name}" for name, default in known.items() if default is None or name == "validation_section"
        )
        raise WrongCallError(f"the mean of several weights has no option --{unknown[0]}; it has {own}.")
    _check_size("threshold", options.get("threshold"), None)
    return Path(evaluate_mean(bundle, **options))


def run_workflow(bundle: str, run_id: str, *overlays: str, **overrides: Any) -> "ConfigWorkflow":
    """Run MONAI's workflow of a bundle's train.json with overlays, after printing the command that does the same.

    Raises:
        WrongCallError: an override that the configs do not have, or have with a value of another kind.
        MammosegError: taken out of the RuntimeErrors that MONAI wraps around it.
    """
    files = _config_files(bundle, overlays)
    config = merged_config(bundle, overlays)
    check_overrides(overrides, config)
    _check_use(run_id, overrides, files)
    _check_datalist(run_id, **overrides)
    if run_id == "evaluating":
        _check_weights(bundle, **overrides)
    unchecked = [name for name, value in overrides.items() if not _is_checked(name, value, config)]
    if isinstance(device := overrides.get("device"), str) and not device.startswith("$"):
        with quick_imports():
            from mammoseg.inference.engines.torch_engine import usable_device
        overrides["device"] = f"$torch.device('{usable_device(device)}')"
    words = [word for key, value in overrides.items() for word in (f"--{key}", str(value))]
    file = json.dumps(files) if overlays else files[0]
    print("$", shlex.join(["python", "-m", "monai.bundle", "run", run_id, "--config_file", file, *words]), flush=True)
    try:
        with quick_imports():
            from monai.bundle import ConfigWorkflow
        flow = ConfigWorkflow(files, run_id=run_id, **overrides)
        flow.initialize()
        flow.run()
    except Exception as error:
        raise _for_a_person(error, unchecked) from error
    return flow


def merged_config(bundle: str, overlays: Sequence[str]) -> dict[str, Any]:
    """What a bundle's train.json with overlays has of each option, as `check_overrides` takes it.

    Raises:
        WrongCallError: there is no such bundle.
    """
    files = _config_files(bundle, overlays)
    config: dict[str, Any] = {}
    for path in (*files, files[0]):  # train.json once more, since an overlay may put a call where it has a value
        config |= json.loads(Path(path).read_text(encoding="utf-8"))
    return config


def check_overrides(overrides: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Refuse what MONAI would not notice, or end on a traceback for.

    Args:
        config: what `merged_config` gives.
    Raises:
        WrongCallError: naming the option and what may stand there.
    """
    for name, value in overrides.items():
        if name.partition("::")[0] not in config:
            near = did_you_mean(name, config, before="--")
            raise WrongCallError(f"there is no option --{name}; {near}docs/training.md names those of the config.")
        _check_place(name, config)
        kinds = _kinds(name, config)
        if kinds and type(value) not in kinds and not (_is_expression(value) or (value is None and name in UNSAID)):
            raise WrongCallError(f"{name} is {value!r}; {_wanted(name, config)}.")
        _check_size(name, value, config.get(name))
    channels, made_for = overrides.get("network_def::out_channels"), config["network_def"].get("out_channels")
    if channels is not None and "loss" not in overrides and channels != made_for is not None:
        raise WrongCallError(
            f"network_def::out_channels is {channels!r}; loss and labels of bundle '{config['bundle_name']}' are made "
            f"for {made_for}; leave it out."
        )
    interval, epochs = overrides.get("val_interval", 1), overrides.get("max_epochs", math.inf)
    if not (_is_expression(interval) or _is_expression(epochs)) and interval > epochs:
        raise WrongCallError(
            f"val_interval is {interval} and max_epochs {epochs}, so no epoch would be validated and no weights kept; "
            "give a val_interval of no more than max_epochs."
        )
    if overrides.get("encoder_weights") and "@encoder_weights" not in str(config["network_def"]):
        raise WrongCallError(
            f"bundle '{config['bundle_name']}' has no encoder that could start with weights; leave encoder_weights out."
        )


def _config_files(bundle: str, overlays: Sequence[str]) -> list[str]:
    configs = Path(bundle_root(bundle)) / "configs"
    return [str(configs / f"{name}.json") for name in ("train", *overlays)]


def _check_use(run_id: str, overrides: Mapping[str, Any], files: Sequence[str]) -> None:
    """Refuse what no part of the config would read that this run reaches; its value would change nothing."""
    used = _reached(_merged(files), [run_id, "initialize"])
    if idle := [name for name in overrides if name.partition("::")[0] not in used]:
        doing = {"training": "a training", "evaluating": "an evaluation"}[run_id]
        raise WrongCallError(f"--{idle[0]} changes nothing of {doing}; leave it out.")


def _merged(files: Sequence[str]) -> dict[str, Any]:
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


def _reached(config: Mapping[str, Any], starts: Sequence[str]) -> set[str]:
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


def _kinds(name: str, config: Mapping[str, Any]) -> list[type] | None:
    """What the value of an option may be; None where only the workflow can tell."""
    return KINDS.get(UNSAID[name][0] if name in UNSAID else type(config.get(name)))


def _wanted(name: str, config: Mapping[str, Any]) -> str:
    if name in UNSAID:
        return f"give {UNSAID[name][1]}"
    has = "a part with settings of its own" if isinstance(config[name], dict) else repr(config[name])
    return f"the config has {has}, give a value of that kind"


def _is_expression(value: Any) -> bool:
    return str(value).startswith(("$", "@"))


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
                f"there is no option --{place}; {did_you_mean(key, part)}{above} has: {', '.join(part)}."
            )
        above, part = place, part[key]


def _check_datalist(
    run_id: str,
    *,
    dataset_dir: str,
    datalist: str | None = None,
    validation_section: str | None = None,
    fold: int | None = None,
    **others: Any,
) -> None:
    """Read the sections that a run needs before torch is imported; what only MONAI can evaluate is left to it."""
    file = datalist or f"{dataset_dir}/datalist.json"
    sections = {
        "training": ("training", validation_section or "validation"),
        "evaluating": (validation_section or "test",),
    }
    if any(map(_is_expression, (file, validation_section, fold))):
        return
    for section in sections[run_id]:
        load_section(file, section, fold=fold)


def _check_weights(
    bundle: str, *, best_checkpoint: str | None = None, ckpt_dir: str | None = None, **others: Any
) -> None:
    """Refuse to score weights that are not there before torch is imported."""
    if best_checkpoint is None and ckpt_dir is None:
        default_weights(bundle)
    elif not any(map(_is_expression, (best_checkpoint, ckpt_dir))):
        shipped = Path(bundle_root(bundle)) / "models"
        existing_weights(best_checkpoint or best_weights(str(ckpt_dir), shipped=shipped))


def _check_size(name: str, value: Any, like: Any) -> None:
    """Refuse numbers that make no sense, and lists of others or more of them than the config has."""
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


def _is_checked(name: str, value: Any, config: Mapping[str, Any]) -> bool:
    """Whether all was checked that an option may be; not so where it reaches into the config or is a part of it."""
    is_part = isinstance(config.get(name), dict | list) and name not in RANGES
    return not ("::" in name or is_part or _is_expression(value))


def _for_a_person(error: Exception, parts: Sequence[str]) -> MammosegError:
    """What ended a workflow; of a fault with its text, which tells whoever set the options what was wrong with them.

    Args:
        parts: options that only the workflow itself could check.
    """
    known = known_error(error)
    if not isinstance(known, FaultError):
        return known
    *_, root = causes(error)
    text = f"{type(root).__name__}: {str(root).strip().partition(chr(10))[0][:200]}"
    if not parts:
        return FaultError(text)
    return WrongCallError(
        f"with {', '.join(f'--{name}' for name in parts)} the workflow ended on {text}; "
        "leave out what the config cannot take, docs/training.md names its options."
    )
