"""Budgets: a plan cut down to what a small machine computes, by one stated rule that every output names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mammoseg.bundles import locate_bundle, render
from mammoseg.errors import make_unknown_name_error
from mammoseg.plans.plan import OF_THE_WEIGHTS, PlannedRun, RunPlan
from mammoseg.quick_import import quick_imports

WIDTHS = ("channels", "up_channels", "pyramid_channels", "growth")
"""Arguments of networks that are widths."""

NARROWEST_GATED = 16
"""Width below which the attention of segmentation_models_pytorch, which divides by 16, has no channel left."""

NOT_TOUCHED = "loss::"
"""Overrides of this part belong to the recipe that a budget replaces."""


@dataclass(frozen=True)
class Budget:
    """What all runs are cut down to.

    Attributes:
        grid: rows and columns; rounded up to what the network divides.
        width: part of the network's widths. The encoder of another project keeps its own.
        encoder: network of timm in place of ResNet34; None keeps it.
        most: seeds and folds of a run; None takes all.
    """

    says: str
    grid: tuple[int, int]
    width: int
    epochs: int
    batch_size: int | None = None
    encoder: str | None = None
    most: int | None = None


BUDGETS = {
    "small": Budget(
        "small budget: grid 160 x 112, a quarter of the width, 12 epochs, common recipe", (160, 112), 4, epochs=12
    ),
    "tiny": Budget(
        "tiny budget, for tests of the program: grid 64 x 64, an eighth of the width, 2 epochs of batches of 2, common "
        "recipe, at most 2 seeds and folds, a toy encoder in place of ResNet34",
        (64, 64),
        8,
        epochs=2,
        batch_size=2,
        encoder="test_resnet",
        most=2,
    ),
}
"""Budgets by name."""


def find_budget(name: str) -> Budget:
    """The budget of that name.

    Raises:
        WrongCallError: there is none.
    """
    if name not in BUDGETS:
        raise make_unknown_name_error("budget", name, BUDGETS)
    return BUDGETS[name]


def cut_down(plan: RunPlan, name: str | None = None) -> tuple[RunPlan, dict[str, str]]:
    """The plan under a budget, and the runs that mean nothing under it, with the reason.

    Args:
        plan: plan as it was written.
        name: budget by its name; None takes that of the plan, which may have none.
    Raises:
        WrongCallError: there is no such budget.
    """
    name = name or plan.budget
    if name is None:
        return plan, {}
    budget = find_budget(name)
    left_out: dict[str, str] = {}
    runs = []
    for run in plan.runs:
        if reason := _say_why_meaningless(run) or (run.start_from in left_out and f"it starts from {run.start_from}"):
            left_out[run.name] = reason
        else:
            runs.append(_cut(run, budget))
    return replace(plan, runs=tuple(runs), budget=name), left_out


def _say_why_meaningless(run: PlannedRun) -> str | None:
    if part := next((option for option in run.overrides if option.startswith(NOT_TOUCHED)), None):
        return f"the budget's common recipe has a loss of its own, so {part} means nothing"
    if "spatial_size" in run.overrides:
        return "the budget has one grid, and this run differs by its own"
    return None


def _cut(run: PlannedRun, budget: Budget) -> PlannedRun:
    notes = []
    has_common = (Path(locate_bundle(run.bundle)) / "configs" / "common_recipe.json").is_file()
    if not has_common:
        notes.append("the bundle has no common recipe, so that of its paper with fewer epochs")
    few: dict[str, Any] = {"max_epochs": budget.epochs, "early_stop_patience": None}
    if budget.batch_size is not None:
        few["batch_size"] = budget.batch_size
    own = {key: value for key, value in run.overrides.items() if key not in (*few, "lr", "batch_size")}
    if budget.encoder and own.pop("encoder_weights", None):
        notes.append("the toy encoder starts from random weights")
    network = {} if run.start_from else _shrink_network(run.bundle, own, budget, notes)
    cut = replace(
        run,
        recipe="common" if has_common else run.recipe,
        overrides={**own, **network, **few},
        notes=(*run.notes, *notes),
    )
    return replace(cut, seeds=cut.seeds[: budget.most], folds=cut.folds[: budget.most])


def _shrink_network(bundle: str, own: Mapping[str, Any], budget: Budget, notes: list[str]) -> dict[str, Any]:
    config = render(bundle)["train"]
    config = {**config, "network_def": {**config["network_def"], **_pick_network_arguments(own)}}
    with quick_imports():  # torch, which takes seconds that a wrong call need not wait
        from mammoseg.cards.facts import build_bundle_network
    network, _ = build_bundle_network(config)
    built = network.config
    floor = NARROWEST_GATED if built.get("attention") else 1
    changes: dict[str, Any] = {
        f"network_def::{name}": _shrink_widths(built[name], budget.width, floor)
        for name in WIDTHS
        if name in built and f"network_def::{name}" not in own
    }
    if "encoder" in built:
        if budget.encoder and built["encoder"] != "resnet22":
            prefix = "tu-" if built["architecture"] == "SmpUNet" else ""
            changes["network_def::encoder"] = prefix + budget.encoder
        else:
            notes.append(f"{built['encoder']} keeps its width")
    step = network.size_divisor
    changes["spatial_size"] = [-(-side // step) * step for side in budget.grid]
    if changes["spatial_size"] != list(budget.grid):
        notes.append(f"grid {changes['spatial_size'][0]} x {changes['spatial_size'][1]}, as sides divide by {step}")
    return changes


def _pick_network_arguments(overrides: Mapping[str, Any]) -> dict[str, Any]:
    prefix = OF_THE_WEIGHTS[0]
    return {key.removeprefix(prefix): value for key, value in overrides.items() if key.startswith(prefix)}


def _shrink_widths(widths: int | list[int], part: int, floor: int) -> int | list[int]:
    if isinstance(widths, list):
        return [max(floor, width // part) for width in widths]
    return max(floor, widths // part)
