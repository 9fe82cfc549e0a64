"""Pictures of an evaluation as small PNG files, drawn with matplotlib's Agg canvas (no window, no global state)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from mammoseg.csv_table import read_csv
from mammoseg.errors import WrongCallError
from mammoseg.files import atomic_path
from mammoseg.metrics.froc import FALSE_POSITIVES
from mammoseg.metrics.reliability import ReliabilityBin

TRUTH_COLOUR = "#3ddc84"
PREDICTION_COLOUR = "#ff9f1c"
"""Green and orange differ in lightness too, so that the outlines can be told apart without seeing colours."""

LOG_COLUMNS = {"epoch", "train_loss", "val_mean_dice", "lr"}
"""Columns of the ``metrics.csv`` that a training writes."""

LONGEST_SIDE = 512
"""Pixels that a shown image is reduced to; keeps a picture of three cases below 300 kB."""


@dataclass(frozen=True)
class Case:
    """One image to be shown: image (H, W) with dense tissue bright, truth and prediction masks (H, W), its scores.

    `name` is its path in the source, empty where the datalist does not show it.
    """

    image_id: str
    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    scores: Mapping[str, float]
    name: str = ""


def choose_best_median_worst(rows: Sequence[Mapping[str, Any]], *, score: str = "dice") -> dict[str, str]:
    """Image ids of the best, median and worst image by `score` among rows of one grid; NaN scores are passed over.

    Of an even number the lower median is taken, so that the picture never flatters.

    Raises:
        WrongCallError: when no row has the score.
    """
    ranked = sorted((row[score], row["image_id"]) for row in rows if not np.isnan(row[score]))
    if not ranked:
        raise WrongCallError(f"no image has a {score}; choose cases from images with a mass.")
    return {"best": ranked[-1][1], "median": ranked[(len(ranked) - 1) // 2][1], "worst": ranked[0][1]}


def plot_cases(cases: Mapping[str, Case], png: Path, *, attribution: str) -> None:
    """Draw cases side by side: the image above, below it with the outlines of truth and prediction.

    Args:
        cases: heading of each column, such as "best", and what it shows.
        png: file to write.
        attribution: source and licence of the images and what was changed, printed under the picture.
    """
    aspect = max(case.image.shape[0] / case.image.shape[1] for case in cases.values())
    figure = Figure(figsize=(3.2 * len(cases), 6.4 * aspect + 1.0), layout="constrained")
    axes = figure.subplots(2, len(cases), squeeze=False)
    for (heading, case), (plain, outlined) in zip(cases.items(), axes.T, strict=True):
        image, truth, prediction = _shrink_case(case)
        plain.set_title(f"{heading}: Dice {case.scores['dice']:.2f}")
        plain.imshow(image, cmap="gray")
        outlined.imshow(image, cmap="gray")
        for mask, colour in ((truth, TRUTH_COLOUR), (prediction, PREDICTION_COLOUR)):
            if mask.any():
                outlined.contour(mask, levels=[0.5], colors=[colour], linewidths=1.0)
        for axis in (plain, outlined):
            axis.set_axis_off()
    figure.legend(
        handles=[
            Line2D([], [], color=TRUTH_COLOUR, label="truth"),
            Line2D([], [], color=PREDICTION_COLOUR, label="prediction"),
        ],
        loc="outside upper center",
        ncols=2,
        frameon=False,
    )
    figure.supxlabel(attribution, fontsize=7, color="#555555", wrap=True)
    save_figure(figure, png)


def plot_learning_curve(metrics_csv: Path, png: Path) -> None:
    """Draw a training log with the columns ``epoch``, ``train_loss``, ``val_mean_dice`` and ``lr``.

    Validation Dice is drawn at the epochs that have one; the epoch with the highest is marked.

    Raises:
        WrongCallError: when the log has no line or lacks a column.
    """
    lines = read_training_log(metrics_csv)
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    loss, dice, rate = figure.subplots(1, 3, width_ratios=[3, 3, 2])
    loss.plot(*read_logged(lines, "train_loss"), color="#33658a")
    loss.set_title("training loss")
    epochs, values = read_logged(lines, "val_mean_dice")
    dice.plot(epochs, values, color="#2a7f4f", marker="." if len(epochs) < 40 else None)
    if values:
        best = int(np.argmax(values))
        dice.plot(epochs[best], values[best], "o", color=PREDICTION_COLOUR)
        dice.set_title(f"validation Dice, best {values[best]:.3f} at epoch {epochs[best]:g}")
    dice.set_ylim(0, 1)
    rate.plot(*read_logged(lines, "lr"), color="#777777", drawstyle="steps-post")
    rate.set_yscale("log")
    rate.set_title("learning rate")
    for axis in (loss, dice, rate):
        axis.set_xlabel("epoch")
        axis.title.set_fontsize(9)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    save_figure(figure, png)


def plot_score_boxes(scores: Mapping[str, Sequence[float]], png: Path, *, label: str) -> None:
    """Draw one box a run (quartiles, whiskers at 1.5 times their distance, mean as diamond) over its images."""
    figure = Figure(figsize=(1.6 + 1.5 * len(scores), 4), layout="constrained")
    axis = figure.subplots()
    axis.boxplot(list(scores.values()), tick_labels=list(scores), showmeans=True, meanprops={"marker": "D"}, sym="")
    spread = np.random.default_rng(0)
    for position, values in enumerate(scores.values(), start=1):
        axis.plot(position + spread.uniform(-0.12, 0.12, len(values)), values, ".", color="#33658a", alpha=0.35)
    axis.set_ylabel(label)
    axis.tick_params("x", rotation=20)
    axis.grid(axis="y", alpha=0.25)
    save_figure(figure, png)


def plot_froc(curves: Mapping[str, Sequence[tuple[float, float]]], png: Path) -> None:
    """Draw free-response curves as steps; a cross marks where one ends, and none is drawn further.

    Args:
        curves: name of each, and its points (false marks an image, sensitivity), rising.
    """
    figure = Figure(figsize=(5.4, 4), layout="constrained")
    axis = figure.subplots()
    for (name, points), style in zip(
        curves.items(), cycle(("-", "--", ":", "-."))
    ):  # where two are one line, both show
        rates, sensitivity = zip(*points, strict=True)
        (line,) = axis.step(rates, sensitivity, where="post", label=name, linestyle=style)
        if rates[-1] <= FALSE_POSITIVES[-1]:
            axis.plot(rates[-1], sensitivity[-1], "x", color=line.get_color())
    axis.set(xlabel="false marks an image (x: the curve ends)", ylabel="fraction of the masses found")
    axis.set(xlim=(0, FALSE_POSITIVES[-1] * 1.02), ylim=(0, 1))
    axis.grid(alpha=0.25)
    axis.legend(loc="lower right", fontsize=8)
    save_figure(figure, png)


def plot_reliability(bins: Mapping[str, Sequence[ReliabilityBin]], png: Path) -> None:
    """Draw the fraction of marks that are right against their mean score; the diagonal is exact.

    Args:
        bins: name of each kind of dot, and its bins; the area of a dot is the number of its marks.
    """
    figure = Figure(figsize=(4, 4), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color="#999999", linestyle="--")
    for name, of_name in bins.items():
        scores, right = [one.score for one in of_name], [one.right for one in of_name]
        axis.scatter(scores, right, s=_compute_dot_areas(of_name), alpha=0.6, label=name)
    axis.set(xlabel="score of the marks (area: their number)", ylabel="fraction of them on a mass")
    axis.set(xlim=(-0.02, 1.05), ylim=(-0.05, 1.05))
    axis.grid(alpha=0.25)
    axis.legend(loc="upper left", fontsize=8, markerscale=0.5)
    save_figure(figure, png)


def shrink_to(longest_side: int, plane: np.ndarray) -> np.ndarray:
    """Shrink (H, W) by averaging areas so that its longer side has at most `longest_side` pixels; never enlarge."""
    scale = min(1.0, longest_side / max(plane.shape))
    size = [max(1, round(side * scale)) for side in reversed(plane.shape)]
    return np.asarray(cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA))


def save_figure(figure: Figure, png: Path) -> None:
    """Write as PNG with a palette of 256 colours, half the size of a full-colour file and no different to the eye."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with atomic_path(png) as temporary:
        picture.quantize(256).save(temporary, optimize=True)


def _compute_dot_areas(bins: Sequence[ReliabilityBin]) -> list[float]:
    """Areas in square points, 600 for all marks together."""
    marks = sum(one.marks for one in bins)
    return [8 + 600 * one.marks / marks for one in bins]


def _shrink_case(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image and both masks of a case at the size of a picture; the masks as the part of each pixel they cover."""
    image, truth, prediction = (shrink_to(LONGEST_SIDE, plane) for plane in (case.image, case.truth, case.prediction))
    return image, truth, prediction


def find_training_log(evaluation: Path) -> Path | None:
    """The ``metrics.csv`` beside an evaluation, or where `mammoseg run` puts that of its training; None without one."""
    places, scores = [evaluation / "metrics.csv"], evaluation.resolve().parent
    if scores.name == "scores":
        places.append(scores.parent / "eval" / "metrics.csv")
    return next((place for place in places if place.is_file()), None)


def read_training_log(metrics_csv: Path) -> list[dict[str, str]]:
    """Lines of a training log, one an epoch, with `LOG_COLUMNS`.

    Raises:
        WrongCallError: it has no line, lacks a column, or has something else where a number belongs.
    """
    _, lines = read_csv(metrics_csv)
    try:
        numbers = [float(line[name] or "nan") for line in lines for name in LOG_COLUMNS]
    except (KeyError, ValueError):
        numbers = []
    if not numbers:
        raise WrongCallError(
            f"{metrics_csv} is no training log; it needs a line an epoch with {', '.join(sorted(LOG_COLUMNS))}."
        )
    return lines


def read_logged(lines: Sequence[Mapping[str, str]], name: str) -> tuple[list[float], list[float]]:
    """Epochs and values of a column where it has a number."""
    filled = [(float(line["epoch"]), float(line[name])) for line in lines if line[name] not in ("", "nan")]
    return [epoch for epoch, _ in filled], [value for _, value in filled]
