"""Train and evaluate a bundle by name: MONAI's own workflow, the right overlays, errors that a person can read."""

import inspect
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammoseg.audit.named_folder import require_known_configs
from mammoseg.bundles import ENCODER_WORDS, NEEDS_PROMPTS, PATHS, locate_bundle, locate_runs, say_why_no_masses
from mammoseg.checkpoints.weights_file import (
    TO_GO_ON,
    Named,
    choose_best_weights,
    choose_default_weights,
    find_described_ensemble,
    list_named_weights,
    require_weights,
)
from mammoseg.command_line import find_known_error, list_causes
from mammoseg.data.datalist import load_section
from mammoseg.errors import FaultError, MammosegError, StoppedError, WrongCallError, make_unknown_name_error
from mammoseg.evaluation.tables import format_dice_lines, format_mass_lines, format_scores
from mammoseg.provenance import warn_of_doubt
from mammoseg.quick_import import quick_imports
from mammoseg.training.overrides import (
    check_overrides,
    check_size,
    check_use,
    is_checked,
    is_expression,
    list_config_files,
    merge_config,
)

if TYPE_CHECKING:  # both import torch, which takes seconds that a wrong call need not wait
    from monai.bundle import ConfigWorkflow

RECIPES: dict[str, tuple[str, ...]] = {"paper": (), "common": ("common_recipe",)}
"""Overlays on train.json by the name of the recipe."""


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
        raise make_unknown_name_error("recipe", recipe, RECIPES)
    overlays = RECIPES[recipe] + (("start_from",) if start_from else ())
    if absent := [
        name for name in overlays if not (Path(locate_bundle(bundle)) / "configs" / f"{name}.json").is_file()
    ]:
        raise WrongCallError(f"bundle '{bundle}' has no {absent[0]}; train it with --recipe paper.")
    start = {"start_from": start_from} if start_from else {}
    try:
        flow = run_workflow(bundle, "training", *overlays, dataset_dir=dataset_dir, **start, **overrides)
    except KeyboardInterrupt as error:
        raise StoppedError(_say_kept(bundle, **overrides)) from error
    weights = flow.parser.get_parsed_content("best_checkpoint")
    if not Path(weights).is_file():
        raise MammosegError(
            f"no epoch had a value of the key metric, so there are no weights at {weights}; "
            "validation needs images with masses, and --val_interval no more epochs than the training has."
        )
    print(f"Weights: {weights}{_say_best(weights)}")


def _say_kept(bundle: str, *, ckpt_dir: str | None = None, resume: bool = True, **others: Any) -> str:
    """What a training that was stopped has left, and how to go on; an expression, which only MONAI reads, is believed.

    Args:
        ckpt_dir: folder of its checkpoints; that of the bundle when None.
        resume: whether it goes on with what is there.
        others: further options of the training, which change nothing of this.
    """
    folder = ckpt_dir or Path(locate_runs(bundle)) / "models"
    if not (is_expression(folder) or (Path(folder) / TO_GO_ON).is_file()):
        return "stopped before an epoch had ended; nothing is kept, and the same command begins anew."
    same = "the same command" if resume else "the same command without --resume false"
    return f"stopped; epochs that had ended are kept, and {same} goes on after the last of them."


def _say_best(weights: str) -> str:
    """Which epoch weights are of and what it scored, in brackets; nothing where they do not say."""
    with quick_imports():
        from mammoseg.checkpoints.checkpoint import read_weights
    told = read_weights(weights).provenance.get("validation")
    if not isinstance(told, dict) or "epoch" not in told:
        return ""
    scores = format_scores({name: value for name, value in told.items() if name != "epoch"})
    return f" (the best, of epoch {told['epoch']}: validation {', '.join(scores)})"


def evaluate(bundle: str, *, dataset_dir: str, weights: Named | None = None, **overrides: Any) -> None:
    """Score the test section with network and preprocessing as the weights record them.

    Args:
        bundle: name of the bundle.
        dataset_dir: folder of the ``datalist.json``.
        weights: checkpoint; None takes the bundle's own. Several, or a folder of several, are scored as their mean.
        overrides: values of the config, nested ones by ``::``; ``validation_section`` chooses another section.
    Raises:
        StoppedError: Ctrl-C.
        MammosegError: what a person can mend.
    """
    if say_why_no_masses(bundle) == NEEDS_PROMPTS:
        raise WrongCallError(
            f"bundle '{bundle}' needs prompts; it is measured by: python scripts/benchmark.py prompts."
        )
    files = list_named_weights(weights) if weights else []
    try:
        if len(files) > 1 or (weights and find_described_ensemble(weights)):
            output = _evaluate_mean(bundle, dataset_dir=dataset_dir, weights=weights, **overrides)
        else:
            named = {"best_checkpoint": str(files[0])} if files else {}
            flow = run_workflow(bundle, "evaluating", "evaluate", dataset_dir=dataset_dir, **named, **overrides)
            output = Path(flow.parser.get_parsed_content("output_dir"))
    except KeyboardInterrupt as error:
        raise StoppedError("stopped; tables are written at the end, so the same command begins anew.") from error
    summary = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    print(*format_dice_lines(summary["scores"]), *format_mass_lines(summary), sep="\n")
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
    check_size("threshold", options.get("threshold"), None)
    return Path(evaluate_mean(bundle, **options))


def run_workflow(bundle: str, run_id: str, *overlays: str, **overrides: Any) -> "ConfigWorkflow":
    """Run MONAI's workflow of a bundle's train.json with overlays, after printing the command that does the same.

    Raises:
        WrongCallError: an override that the configs do not have, or have with a value of another kind.
        AuditError: configs of another folder than this program's have what an audit does not know.
        MammosegError: taken out of the RuntimeErrors that MONAI wraps around it.
    """
    require_known_configs(bundle)
    files = list_config_files(bundle, overlays)
    config = merge_config(bundle, overlays)
    check_overrides(overrides, config)
    check_use(run_id, overrides, files)
    _check_datalist(run_id, **overrides)
    if run_id == "evaluating":
        _check_weights(bundle, **overrides)
    if (start := overrides.get("start_from")) and not is_expression(start):
        with quick_imports():
            from mammoseg.training.trainable import check_start
        check_start(start)
    unchecked = [name for name, value in overrides.items() if not is_checked(name, value, config)]
    if isinstance(device := overrides.get("device"), str) and not device.startswith("$"):
        with quick_imports():
            from mammoseg.inference.engines.torch_engine import try_device
        overrides["device"] = f"$torch.device('{try_device(device)}')"
    words = [word for key, value in overrides.items() for word in (f"--{key}", _format_option(key, value))]
    file = json.dumps(files) if overlays else files[0]
    print("$", shlex.join(["python", "-m", "monai.bundle", "run", run_id, "--config_file", file, *words]), flush=True)
    try:
        with quick_imports():
            from monai.bundle import ConfigWorkflow
        flow = ConfigWorkflow(files, run_id=run_id, **overrides)
        flow.initialize()
        flow.run()
    except Exception as error:
        raise _make_readable_error(error, unchecked) from error
    return flow


def _format_option(name: str, value: Any) -> str:
    """An option's value as it holds in a shell that stands elsewhere: the path of a file or folder from the root."""
    is_path = name in PATHS and isinstance(value, str) and not (is_expression(value) or value in ENCODER_WORDS)
    return str(Path(value).absolute()) if is_path else str(value)


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
    if any(map(is_expression, (file, validation_section, fold))):
        return
    for section in sections[run_id]:
        load_section(file, section, fold=fold)


def _check_weights(
    bundle: str, *, best_checkpoint: str | None = None, ckpt_dir: str | None = None, **others: Any
) -> None:
    """Refuse to score weights that are not there before torch is imported."""
    if best_checkpoint is None and ckpt_dir is None:
        choose_default_weights(bundle)
    elif not any(map(is_expression, (best_checkpoint, ckpt_dir))):
        shipped = Path(locate_bundle(bundle)) / "models"
        require_weights(best_checkpoint or choose_best_weights(str(ckpt_dir), shipped=shipped))


def _make_readable_error(error: Exception, parts: Sequence[str]) -> MammosegError:
    """What ended a workflow; of a fault with its text, which tells whoever set the options what was wrong with them.

    Args:
        parts: options that only the workflow itself could check.
    """
    known = find_known_error(error)
    if not isinstance(known, FaultError):
        return known
    *_, root = list_causes(error)
    text = f"{type(root).__name__}: {str(root).strip().partition(chr(10))[0][:200]}"
    if not parts:
        return FaultError(text)
    return WrongCallError(
        f"with {', '.join(f'--{name}' for name in parts)} the workflow ended on {text}; "
        "leave out what the config cannot take, docs/training.md names its options."
    )
