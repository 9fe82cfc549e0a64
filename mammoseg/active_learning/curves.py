"""Dice against number of labels: mean over seeds with its 95 % confidence interval, as a picture and as a table."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.integrate import trapezoid
from scipy.stats import t

from mammoseg.files import atomic_path

BASELINE = "random"
"""What every other strategy is compared with."""

Curves = dict[str, np.ndarray]
"""Mean Dice of each strategy, ``(seeds, numbers of labels)``; seeds that are not through yet are left out."""


def read_curves(steps: Path) -> tuple[list[int], Curves]:
    """Numbers of labels, and the curves of all strategies over the seeds that every one of them has finished.

    Returns:
        How many labels at each step, and by strategy the mean Dice ``(seeds, steps)``.
    """
    dice: dict[str, dict[tuple[int, int], float]] = {}
    for line in steps.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        dice.setdefault(row["strategy"], {})[row["seed"], row["labels"]] = row["dice"]
    start = dice.pop("start")
    labels = sorted({count for curve in (start, *dice.values()) for _, count in curve})
    complete = [
        seed for seed, _ in start if all((seed, count) in curve for curve in dice.values() for count in labels[1:])
    ]
    whole = {name: {**start, **curve} for name, curve in dice.items()}
    return labels, {
        name: np.array([[curve[seed, count] for count in labels] for seed in complete]) for name, curve in whole.items()
    }


def mean_and_half_width(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of ``(seeds, steps)`` over the seeds, half of its 95 % interval (Student's t); NaN of one seed."""
    seeds = len(values)
    if seeds < 2:
        return values.mean(axis=0), np.full(values.shape[1:], np.nan)
    return values.mean(axis=0), t.ppf(0.975, seeds - 1) * values.std(axis=0, ddof=1) / np.sqrt(seeds)


def mean_over_labels(curve: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Area below each curve ``(seeds, numbers of labels)`` divided by its length: one number a seed."""
    return trapezoid(curve, labels, axis=-1) / (labels[-1] - labels[0])


def plot_curves(labels: Sequence[int], curves: Mapping[str, np.ndarray], picture: Path) -> None:
    """Draw each strategy beside the baseline.

    Args:
        labels: how many at each step.
        curves: mean Dice ``(seeds, steps)`` by strategy.
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
                mean, half = mean_and_half_width(curves[shown])
                axis.plot(labels, mean, color=colour, marker="o", markersize=3, label=shown)
                axis.fill_between(labels, mean - half, mean + half, color=colour, alpha=0.2, linewidth=0)
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=8)
    figure.supxlabel("labelled images", fontsize=9)
    seeds = len(next(iter(curves.values())))
    figure.supylabel("mean Dice, test images with a mass", fontsize=9)
    figure.suptitle(f"blue: the strategy, grey: {BASELINE}; mean and 95 % interval, seeds: {seeds}", fontsize=9)
    picture.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(picture) as temporary:
        figure.savefig(temporary, format=picture.suffix[1:], dpi=110)


def table_of_curves(labels: Sequence[int], curves: Mapping[str, np.ndarray]) -> str:
    """Markdown: Dice at each number of labels, its mean over them, and the difference to the baseline, seed by seed.

    Args:
        labels: how many at each step.
        curves: mean Dice ``(seeds, steps)`` by strategy.
    """
    head = ["strategy", *[f"{count} labels" for count in labels], "mean over labels", f"minus {BASELINE}"]
    lines = [f"| {' | '.join(head)} |", f"|---{'|--:' * (len(head) - 1)}|"]
    for name, curve in curves.items():
        cells = [_cell(curve[:, index]) for index in range(len(labels))]
        whole = mean_over_labels(curve, labels)
        cells.append(_cell(whole))
        compared = name != BASELINE and BASELINE in curves
        cells.append(_cell(whole - mean_over_labels(curves[BASELINE], labels), sign="+") if compared else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(values: np.ndarray, sign: str = "") -> str:
    mean, half = mean_and_half_width(values)
    return f"{mean:{sign}.3f}" if np.isnan(half) else f"{mean:{sign}.3f} ± {half:.3f}"
