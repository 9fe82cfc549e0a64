"""Pictures of several evaluations side by side, in one style; see `mammoseg.evaluation.plots`."""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from mammoseg.evaluation.agreement import NORMAL_95, Areas
from mammoseg.evaluation.plots import read_logged, read_training_log, save_figure

MOST_PANELS = 12
"""Runs that a picture with a panel for each shows; the table has all."""


def plot_ecdf(scores: Mapping[str, Sequence[float]], png: Path, *, label: str) -> None:
    """Draw for each run which part of the images has at most so much of a score; NaN is left out."""
    figure, axis = _make_axis()
    for (name, values), style in zip(scores.items(), _make_styles(), strict=False):
        known = np.asarray(values, float)
        ecdf = stats.ecdf(known[~np.isnan(known)]).cdf
        axis.step([0, *ecdf.quantiles], [0, *ecdf.probabilities], where="post", label=name, linestyle=style)
    axis.set(xlabel=label, ylabel="part of the images with at most so much", ylim=(0, 1.01))
    _finish_axis(axis, len(scores))
    save_figure(figure, png)


def plot_bland_altman(areas: Mapping[str, Areas], png: Path) -> None:
    """Draw for each run predicted less true area against their mean, with the mean and the limits of agreement."""
    shown = dict(list(areas.items())[:MOST_PANELS])
    columns = min(2, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(4 * columns, 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axis, (name, of_run) in zip(panels, shown.items(), strict=False):
        differences = of_run.predicted - of_run.truth
        axis.plot((of_run.predicted + of_run.truth) / 2, differences, ".", color="#33658a", alpha=0.4)
        bias, spread = differences.mean(), NORMAL_95 * differences.std(ddof=1)
        for level, style in ((bias, "-"), (bias - spread, "--"), (bias + spread, "--")):
            axis.axhline(level, color="#c1440e", linestyle=style, linewidth=1)
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.25)
    for axis in panels[len(shown) :]:
        axis.set_axis_off()
    figure.supxlabel("mean of predicted and true area, pixels", fontsize=9)
    figure.supylabel("predicted less true area, pixels", fontsize=9)
    save_figure(figure, png)


def plot_learning_curves(logs: Mapping[str, Path], png: Path) -> None:
    """Draw the validation Dice of each run's training log over the epochs.

    Raises:
        WrongCallError: one of them is no training log.
    """
    figure, axis = _make_axis()
    for (name, log), style in zip(logs.items(), _make_styles(), strict=False):
        epochs, dice = read_logged(read_training_log(log), "val_mean_dice")
        axis.plot(epochs, dice, label=name, linestyle=style, marker="." if len(epochs) < 40 else None)
    axis.set(xlabel="epoch", ylabel="validation Dice", ylim=(0, 1))
    _finish_axis(axis, len(logs))
    save_figure(figure, png)


def plot_speed(points: Mapping[str, tuple[float, float]], png: Path, *, device: str) -> None:
    """Draw the mean Dice of each run against the images a second of its network, on a logarithmic axis.

    Args:
        points: images a second and Dice, by the name of the run.
        png: file to write.
        device: where the speed was measured, for the axis.
    """
    figure, axis = _make_axis()
    for name, (speed, dice) in points.items():
        axis.plot(speed, dice, "o", color="#33658a")
        axis.annotate(name, (speed, dice), xytext=(4, 4), textcoords="offset points", fontsize=8)
    axis.set_xscale("log")
    axis.set(xlabel=f"images a second, one at a time ({device})", ylabel="Dice")
    axis.margins(x=0.25, y=0.2)
    axis.grid(alpha=0.25, which="both")
    save_figure(figure, png)


def _make_axis() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, 4), layout="constrained")
    return figure, figure.subplots()


def _make_styles() -> "cycle[str]":
    """Runs of one colour differ by their dashes, and where two lines are one, both show."""
    return cycle(["-"] * 5 + ["--"] * 5 + [":"] * 5 + ["-."] * 5)


def _finish_axis(axis: Axes, runs: int) -> None:
    axis.grid(alpha=0.25)
    axis.legend(fontsize=8 if runs <= 8 else 5, loc="best")
