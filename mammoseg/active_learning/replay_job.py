"""The simulation from its data to its picture and its table."""

import platform
import time
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import torch

from mammoseg.active_learning.curves import format_curves, plot_curves, read_curves, read_effort
from mammoseg.active_learning.effort import CLICK_SECONDS, DRAWN_SECONDS, GOOD, LOOK_SECONDS, MOST_CLICKS
from mammoseg.active_learning.effort_replay import EffortReplay
from mammoseg.active_learning.learning_tool import BATCH_SIZE, GRID
from mammoseg.active_learning.simulation import SimulationPlan, simulate
from mammoseg.data.datalist import DATALIST, Record, load_section
from mammoseg.data.phantom import generate_cohort
from mammoseg.errors import make_unknown_name_error
from mammoseg.files import atomic_path
from mammoseg.provenance import read_current_commit

STRATEGIES_BY_DEFAULT = (
    "random",
    "uncertainty_mean",
    "uncertainty_top",
    "uncertainty_outline",
    "tta",
    "coreset",
    "hybrid",
)
"""``bald`` is left out, because the U-Net that is trained has no dropout."""

TEST_SHARE = 1 / 3
"""Part of the phantom patients that the Dice is measured on."""

_LABELS = ("labels", "labelled images", "active_learning")
_EFFORT = ("minutes", "minutes of the annotator", "active_learning_effort")
"""Unit of the table, words of the picture and name of both."""


def run_replay(
    output: Path,
    *,
    dataset_dir: Path | None,
    phantom: Mapping[str, int],
    images: tuple[int, int],
    strategies: tuple[str, ...],
    docs: Path | None,
    plan: Mapping[str, Any],
) -> None:
    """Replay and write ``active_learning.png`` and ``active_learning.md`` in `output`, and into `docs` where given.

    Args:
        phantom: ``patients`` and ``size`` of the cohort that is made where there is no `dataset_dir`.
        images: number of images of the pool and of the test set.
        plan: fields of `SimulationPlan`.
    Raises:
        WrongCallError: the plan cannot be carried out.
    """
    known = [field.name for field in fields(SimulationPlan) if field.name != "strategies"]
    if unknown := set(plan) - set(known):
        raise make_unknown_name_error("setting", min(unknown), known)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in plan.items()}
    settings = SimulationPlan(strategies, **values)
    output.mkdir(parents=True, exist_ok=True)
    pool, test = (
        _generate_phantoms(output / "phantoms", **phantom) if dataset_dir is None else _load_dataset(dataset_dir)
    )
    pool, test = pool[: images[0]], test[: images[1]]
    start = time.monotonic()
    costs_effort = settings.tool_steps > 0
    steps = simulate(settings, pool, test, output, replayed=EffortReplay if costs_effort else None)
    labels, curves = read_effort(steps) if costs_effort else read_curves(steps)
    seconds = time.monotonic() - start
    source = f"phantoms of {phantom['size']} rows" if dataset_dir is None else dataset_dir.name
    head = _describe(settings, source, len(pool), len(test), seconds)
    unit, against, name = _EFFORT if costs_effort else _LABELS
    table = f"{head}\n\n{format_curves(labels, curves, unit=unit)}"
    places = [(output / f"{name}.png", output / f"{name}.md")]
    if docs is not None:
        places.append((docs / "images" / f"{name}.png", docs / "results" / f"{name}_cpu.md"))
    for picture, text in places:
        plot_curves(labels, curves, picture, against=against)
        with atomic_path(text) as temporary:
            temporary.write_text(table, encoding="utf-8")
    print(f"\n{table}\n{places[-1][0]}")


def _generate_phantoms(folder: Path, *, patients: int, size: int) -> tuple[list[Record], list[Record]]:
    """Pool and test of a cohort; each call makes the same."""
    folder.mkdir(parents=True, exist_ok=True)
    records = generate_cohort(folder, patients=patients, size=size)
    whole = [record | {key: str(folder / record[key]) for key in ("image", "label")} for record in records]
    first_test = 2 * round(patients * (1 - TEST_SHARE))
    return whole[:first_test], whole[first_test:]


def _load_dataset(folder: Path) -> tuple[list[Record], list[Record]]:
    return tuple(load_section(folder / DATALIST, section) for section in ("training", "test"))  # type: ignore[return-value]  # two of them


def _describe(plan: SimulationPlan, source: str, pool: int, test: int, seconds: float) -> str:
    rows, columns = plan.spatial_size
    return f"""# Active learning on a CPU, simulated

Written by `python scripts/simulate_active_learning.py`; [active learning](../active_learning.md) says what is compared.

- Data: {source}; a pool of {pool} images, Dice on {test} others of other patients (those with a mass).
- Network: U-Net of widths {", ".join(map(str, plan.channels))} on {rows} x {columns} pixels.
- Training: focal Tversky loss, augmentation of the common recipe, batches of {plan.batch_size}, AdamW with one cycle of
  at most {plan.lr} a round.
- Course: {plan.first_steps} steps on {plan.start} labels; then {plan.rounds} rounds of {plan.query} more labels and
  {plan.steps} more steps from the weights of the round before (warm start).
{_describe_effort(plan)}- Views of one patient are {"kept apart" if plan.grouped else "not kept apart"}.
- Numbers: mean ± half of the 95 % confidence interval (Student's t) over the seeds (number of them: {plan.seeds});
  differences seed by seed.
- {seconds:.0f} s in this call, torch {torch.__version__}, {torch.get_num_threads()} threads ({platform.machine()}),
  commit {read_current_commit() or "unknown"}, {date.today()}."""


def _describe_effort(plan: SimulationPlan) -> str:
    if not plan.tool_steps:
        return ""
    return f"""- Labels: outlined by a simulated annotator who clicks until Dice with the truth is {GOOD:g} and after
  {MOST_CLICKS} clicks draws the mass; his tool is the random walker on the first labels, then a U-Net of the same
  widths that takes prompts on {GRID} x {GRID} pixels and learns from his outlines, {plan.tool_steps} steps of
  {BATCH_SIZE} crops each round.
- Cost: {LOOK_SECONDS:g} s a film, {CLICK_SECONDS:g} s a click, {DRAWN_SECONDS:g} s a mass drawn by hand.
"""
