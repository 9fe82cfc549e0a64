"""Dice against labels or minutes of work: mean over seeds with its 95 % confidence interval, picture and table."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.integrate import trapezoid
from scipy.stats import t

from mammoseg.files import atomic_path

BASELINE = "random"
"""What every other strategy is compared with."""

Curves = dict[str, np.ndarray]
"""A value of each strategy, as mean Dice, ``(seeds, numbers of labels)``; seeds that are not through are left out."""


def read_curves(steps: Path) -> tuple[list[int], Curves]:
    """Numbers of labels, and the curves of all strategies over the seeds that every one of them has finished.

    Returns:
        How many labels at each step, and by strategy the mean Dice ``(seeds, steps)``.
    """
    rows = _read_rows(steps)
    return _list_label_counts(rows), _collect_courses(rows, "dice")


def read_effort(steps: Path, *, places: int = 5) -> tuple[list[float], Curves]:
    """Minutes of work, and Dice by strategy at each of them: straight between the steps that a seed measured.

    Args:
        places: how many minutes, evenly from the first that all curves know to the last.

    Returns:
        Minutes, to a tenth, and by strategy the mean Dice ``(seeds, places)``, of seeds that are through.
    """
    rows = _read_rows(steps)
    dice = _collect_courses(rows, "dice")
    minutes = {name: seconds / 60 for name, seconds in _collect_courses(rows, "seconds").items()}
    curves = [curve for of_name in minutes.values() for curve in of_name]
    if not curves:
        return [], dice
    first, last = max(curve[0] for curve in curves), min(curve[-1] for curve in curves)
    shown = np.round(np.linspace(first, last, places), 1)
    return shown.tolist(), {
        name: np.array([np.interp(shown, x, y) for x, y in zip(minutes[name], dice[name], strict=True)])
        for name in dice
    }


def compute_mean_and_half_width(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of ``(seeds, steps)`` over the seeds, half of its 95 % interval (Student's t); NaN of one seed."""
    seeds = len(values)
    if seeds < 2:
        return values.mean(axis=0), np.full(values.shape[1:], np.nan)
    return values.mean(axis=0), t.ppf(0.975, seeds - 1) * values.std(axis=0, ddof=1) / np.sqrt(seeds)


def compute_mean_over_labels(curve: np.ndarray, labels: Sequence[float]) -> np.ndarray:
    """Area below each curve ``(seeds, numbers of labels)`` divided by its length: one number a seed."""
    return trapezoid(curve, labels, axis=-1) / (labels[-1] - labels[0])


def plot_curves(
    labels: Sequence[float], curves: Mapping[str, np.ndarray], picture: Path, *, against: str = "labelled images"
) -> None:
    """Draw each strategy beside the baseline.

    Args:
        labels: how many at each step, or minutes.
        curves: mean Dice ``(seeds, steps)`` by strategy.
        against: what `labels` are, in words.
        picture: file; its suffix decides the format.
    """
    names = [name for name in curves if name != BASELINE] or [BASELINE]
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.4 * rows + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names, strict=False):
        for shown, colour in ((BASELINE, "0.45"), (name, "#0072b2")):
            if shown in curves:
                mean, half = compute_mean_and_half_width(curves[shown])
                axis.plot(labels, mean, color=colour, marker="o", markersize=3, label=shown)
                axis.fill_between(labels, mean - half, mean + half, color=colour, alpha=0.2, linewidth=0)
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=8)
    figure.supxlabel(against, fontsize=9)
    seeds = len(next(iter(curves.values())))
    figure.supylabel("mean Dice, test images with a mass", fontsize=9)
    figure.suptitle(f"blue: the strategy, grey: {BASELINE}; mean and 95 % interval, seeds: {seeds}", fontsize=9)
    picture.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(picture) as temporary:
        figure.savefig(temporary, format=picture.suffix[1:], dpi=110)


def format_curves(labels: Sequence[float], curves: Mapping[str, np.ndarray], *, unit: str = "labels") -> str:
    """Markdown: Dice at each number of labels, its mean over them, and the difference to the baseline, seed by seed.

    Args:
        labels: how many at each step, or minutes.
        curves: mean Dice ``(seeds, steps)`` by strategy.
        unit: what `labels` are, in a word.
    """
    head = ["strategy", *[f"{count:g} {unit}" for count in labels], f"mean over {unit}", f"minus {BASELINE}"]
    lines = [f"| {' | '.join(head)} |", f"|---{'|--:' * (len(head) - 1)}|"]
    for name, curve in curves.items():
        cells = [_format_cell(curve[:, index]) for index in range(len(labels))]
        whole = compute_mean_over_labels(curve, labels)
        cells.append(_format_cell(whole))
        compared = name != BASELINE and BASELINE in curves
        cells.append(
            _format_cell(whole - compute_mean_over_labels(curves[BASELINE], labels), sign="+") if compared else ""
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _read_rows(steps: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in steps.read_text(encoding="utf-8").splitlines()]


def _list_label_counts(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    return sorted({row["labels"] for row in rows})


def _collect_courses(rows: Sequence[Mapping[str, Any]], key: str) -> Curves:
    """A value of the steps by strategy, ``(seeds, numbers of labels)``: each begins at the start that all share."""
    found: dict[str, dict[tuple[int, int], float]] = {}
    for row in rows:
        found.setdefault(row["strategy"], {})[row["seed"], row["labels"]] = row[key]
    start, labels = found.pop("start"), _list_label_counts(rows)
    seeds = _list_complete_seeds(rows, labels)
    whole = {name: {**start, **course} for name, course in found.items()}
    return {name: np.array([[course[seed, n] for n in labels] for seed in seeds]) for name, course in whole.items()}


def _list_complete_seeds(rows: Sequence[Mapping[str, Any]], labels: Sequence[int]) -> list[int]:
    """Seeds that every strategy has finished, in their order."""
    done = {(row["strategy"], row["seed"], row["labels"]) for row in rows}
    strategies = {row["strategy"] for row in rows} - {"start"}
    # once: a process killed behind the row of a start writes it again
    starts = dict.fromkeys(row["seed"] for row in rows if row["strategy"] == "start")
    return [seed for seed in starts if all((name, seed, count) in done for name in strategies for count in labels[1:])]


def _format_cell(values: np.ndarray, sign: str = "") -> str:
    mean, half = compute_mean_and_half_width(values)
    return f"{mean:{sign}.3f}" if np.isnan(half) else f"{mean:{sign}.3f} ± {half:.3f}"
