"""The page of one evaluated training run: its scores, its learning curve, its cases and what it had to beat."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.checkpoints.weights_file import require_weights
from mammoseg.counts import format_count, format_number
from mammoseg.data.datalist import DATALIST, Record, load_section, read_datalist, read_voi
from mammoseg.data.masks import read_mask
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.lesion_tables import read_froc
from mammoseg.evaluation.other_scores import refuse_other_weights
from mammoseg.evaluation.page import write_html_report
from mammoseg.evaluation.plots import (
    Case,
    choose_best_median_worst,
    find_training_log,
    plot_cases,
    read_training_log,
)
from mammoseg.evaluation.tables import ScoreRow, count_masses, read_per_image, read_provenance, summarise
from mammoseg.evaluation.threshold_baseline import ImageAndMask, evaluate_threshold, fit_threshold
from mammoseg.files import atomic_path, hash_file, sole_writer, write_json
from mammoseg.inference.predictor import Predictor
from mammoseg.provenance import find_doubt, warn_of_doubt
from mammoseg.quick_import import quick_imports
from mammoseg.transforms.arrays import ONLY_PATCHES
from mammoseg.transforms.functional.breast import find_recorded_breast

TABLES = (
    "per_image.csv",
    "summary.csv",
    "summary.json",
    "froc.csv",
    "froc_curve.csv",
    "reliability.csv",
)
"""Of an evaluation, which go beside the page, so that `compare` takes the folder of the page, too."""

PICTURES = {
    "Masses found by false marks an image": "froc.png",
    "Scores of marks and how often they are right": "reliability.png",
}
"""Of an evaluation, which the page shows."""

LOCK = ".report.lock"
"""In the output folder: two runs at once would mix their pictures."""


def report(
    evaluation_dir: Path | str,
    *,
    dataset_dir: Path | str,
    weights: Path | str,
    output: Path | str,
    bundle: str | None = None,
    title: str = "Mass segmentation, held-out patients",
    cases: int = 12,
) -> None:
    """Write ``index.html``, ``cases.png`` (best, median, worst), ``learning_curve.png`` and ``baseline.json``.

    Section, fold, threshold and flips are those of the evaluation, as its ``summary.json`` has them.

    Args:
        evaluation_dir: folder where `evaluating` wrote ``per_image.csv``; the training log is taken where
            `find_training_log` finds one.
        dataset_dir: folder of the ``datalist.json`` of the run; its license goes under the pictures.
        weights: checkpoint that was evaluated, and no other.
        output: folder of the page.
        bundle: bundle of the weights; None takes that which the evaluation names.
        title: heading of the page.
        cases: how many images to show, from the best to the worst.
    Raises:
        WrongCallError: the tables are not of the datalist or of the weights, or are of patches around masses; or the
            output has the page of other weights.
        MammosegError: another run writes to the same folder.
    """
    evaluation, page = Path(evaluation_dir), Path(output)
    datalist_file = Path(dataset_dir) / DATALIST
    datalist = read_datalist(datalist_file)
    told = read_provenance(evaluation)
    rows = read_per_image(evaluation / "per_image.csv")
    shown = [row for row in rows if row["grid"] == "original"]
    records = _load_scored_images(told, shown, datalist_file)
    predictor = _load_scored_weights(told, weights, bundle=bundle, voi=read_voi(datalist_file))
    with quick_imports():  # torch, which takes seconds that a wrong call need not wait
        from mammoseg.checkpoints.checkpoint import read_weights
    if not _is_same_run(find_training_log(page), find_training_log(evaluation)):
        refuse_other_weights(page, predictor.weights_sha256, option="--output")
    provenance = told or read_weights(weights).provenance
    doubt = find_doubt(provenance)
    section = _name_section(told)
    attribution = _say_attribution(datalist)
    with sole_writer(page, page / LOCK):
        extremes = choose_best_median_worst(shown)
        chosen = {row["image_id"]: row for row in _choose_cases(shown, cases, first=list(extremes.values()))}
        pictures = {image_id: _predict_case(records[image_id], row, predictor) for image_id, row in chosen.items()}
        plot_cases(
            {heading: pictures[image_id] for heading, image_id in extremes.items()},
            page / "cases.png",
            attribution=attribution or "",
        )
        baseline = compute_threshold_baseline(Path(dataset_dir), weights, section=section, fold=told.get("fold"))
        write_json(page / "baseline.json", baseline)
        summary = summarise(rows)
        beaten = compare_with_baseline(summary, baseline[f"{section}_dice"], section=section)
        curve = find_training_log(evaluation)
        files = [evaluation / name for name in (*TABLES, *PICTURES.values())] + ([curve] if curve else [])
        copied = _copy_files(files, page)
        write_html_report(
            page,
            title=title,
            facts={"Bundle": predictor.algorithm.name, "data": datalist["name"], "date": f"{datetime.now():%Y-%m-%d}"},
            cases=list(pictures.values()),
            summary=summary,
            provenance={
                **provenance,
                "weights_sha256": predictor.weights_sha256,
                "best intensity threshold": baseline,
            },
            learning_curve_csv=curve,
            notice=" ".join(filter(None, [predictor.algorithm.warning, doubt])) or "Research only, not for diagnosis.",
            attribution=attribution,
            links={name: name for name in copied if not name.endswith(".png")},
            masses=count_masses(rows),
            froc=read_froc(evaluation),
            pictures={text: name for text, name in PICTURES.items() if name in copied},
            baseline=beaten,
        )
    print(f"Report of {format_count(len(shown), 'image')}: {page / 'index.html'}")
    print(beaten)
    warn_of_doubt(provenance)


def draw_cases(evaluation: Path, *, dataset_dir: Path, weights: Path) -> None:
    """Draw best, median and worst image of an evaluation as ``cases.png`` beside its tables, for `compare`.

    Args:
        evaluation: folder that `mammoseg evaluate` wrote.
        dataset_dir: folder of the ``datalist.json`` whose images were scored.
        weights: checkpoint that was scored.
    Raises:
        WrongCallError: the tables are not of the datalist or of the weights, or are of patches around masses.
    """
    datalist_file, told = dataset_dir / DATALIST, read_provenance(evaluation)
    rows = {row["image_id"]: row for row in read_per_image(evaluation / "per_image.csv") if row["grid"] == "original"}
    records = _load_scored_images(told, list(rows.values()), datalist_file)
    predictor = _load_scored_weights(told, weights, voi=read_voi(datalist_file))
    shown = {
        heading: _predict_case(records[image_id], rows[image_id], predictor)
        for heading, image_id in choose_best_median_worst(list(rows.values())).items()
    }
    plot_cases(shown, evaluation / "cases.png", attribution=_say_attribution(read_datalist(datalist_file)) or "")


def _is_same_run(earlier: Path | None, log: Path | None) -> bool:
    """Whether a training log is of the run of an earlier one: both begin with the same epoch."""
    return earlier is not None and log is not None and read_training_log(earlier)[0] == read_training_log(log)[0]


def _name_section(told: Mapping[str, Any]) -> str:
    """The section that was scored; evaluations that say nothing are of a version that knew one only."""
    return told.get("section") or "test"


def _load_scored_images(told: Mapping[str, Any], rows: Sequence[ScoreRow], datalist_file: Path) -> dict[str, Record]:
    """The records of the section that was scored by image id, among which are all of the rows."""
    section = _name_section(told)
    if told.get("patches"):
        raise WrongCallError(ONLY_PATCHES)
    records = {record["image_id"]: record for record in load_section(datalist_file, section, fold=told.get("fold"))}
    if unknown := [row["image_id"] for row in rows if row["image_id"] not in records]:
        raise WrongCallError(
            f"{unknown[0]} is not a {section} image of {datalist_file}; name the datalist of the evaluation."
        )
    return records


def _load_scored_weights(
    told: Mapping[str, Any], weights: Path | str, *, bundle: str | None = None, voi: str
) -> Predictor:
    """The weights that were scored, with threshold and flips of the evaluation where it names them."""
    scored, given = told.get("weights_sha256"), hash_file(require_weights(weights))
    if scored not in (None, given):
        raise WrongCallError(
            f"{weights} has SHA-256 {given}, the evaluation scored weights of {scored}; name those, or evaluate these."
        )
    flips = told["flips"] is not None if "flips" in told else None
    predictor = Predictor(bundle or told.get("bundle") or "unet", weights=weights, flips=flips, voi=voi)
    predictor.threshold = told.get("threshold", predictor.threshold)
    return predictor


def _say_attribution(datalist: Mapping[str, Any]) -> str | None:
    return f"{datalist['license']}; changed: resized, outlined" if datalist["license"] else None


def _copy_files(files: Sequence[Path], page: Path) -> list[str]:
    """Names of the files that are there, once they lie beside the page, which can then be moved as it is."""
    there = [file for file in files if file.is_file()]
    for file in there:
        with atomic_path(page / file.name) as temporary:
            temporary.write_bytes(file.read_bytes())
    return [file.name for file in there]


def compute_threshold_baseline(
    dataset_dir: Path, weights: Path | str, *, section: str = "test", fold: int | None = None
) -> dict[str, float]:
    """Best constant threshold on intensity, on the very images that the network saw.

    Args:
        dataset_dir: folder of the ``datalist.json``.
        weights: checkpoint whose preprocessing the images go through.
        section: section that was scored.
        fold: fold of the cross-validation, see `load_section`.

    Returns:
        ``threshold`` (of 0 to 1), mean Dice on training images, which chose it, as ``training_dice``, and that on the
        images that were scored, such as ``test_dice``.
    """
    with quick_imports():
        from mammoseg.checkpoints.checkpoint import read_weights
        from mammoseg.checkpoints.preprocessing import build_preprocessing
        from mammoseg.transforms.cached_dataset import CachedDataset
    datalist = dataset_dir / DATALIST
    settings = build_preprocessing(read_weights(weights), voi=read_voi(datalist))

    def load_images(section: str) -> Iterator[ImageAndMask]:
        records = load_section(datalist, section, fold=fold)
        dataset = CachedDataset(records, settings, cache_dir=dataset_dir / "cache")
        for item in map(dataset.__getitem__, range(len(dataset))):
            yield item["image"][0].numpy(), item["label"][0].numpy()

    best = fit_threshold(load_images("training"))
    scored = float(np.nanmean(evaluate_threshold(best, load_images(section))))
    return {"threshold": best.threshold, "training_dice": best.training_dice, f"{section}_dice": scored}


def compare_with_baseline(summary: Sequence[ScoreRow], baseline: float, *, section: str = "test") -> str:
    """The model and the threshold on intensity in a sentence, on the grid of the network, which both saw.

    Args:
        summary: rows of `mammoseg.evaluation.tables.summarise`.
        baseline: mean Dice of the threshold on the same images.
        section: section of the datalist that they are.
    """
    dice = next((row["mean"] for row in summary if (row["metric"], row["grid"]) == ("dice", "network")), math.nan)
    both = f"mean Dice {baseline:.3f}, the model {format_number(dice)} ({section} images, network grid)"
    if baseline >= dice:
        return f"WARNING: the best constant threshold on intensity does better than the model: {both}."
    return f"To beat: the best constant threshold on intensity has {both}."


def _choose_cases(rows: Sequence[ScoreRow], count: int, *, first: Sequence[str]) -> list[ScoreRow]:
    """Rows `first` by image id, then others at equal distances from the best to the worst Dice."""
    by_id = {row["image_id"]: row for row in rows}
    ranked = sorted(rows, key=lambda row: -1.0 if np.isnan(row["dice"]) else row["dice"], reverse=True)
    others = [row for row in ranked if row["image_id"] not in first]
    places = np.linspace(0, len(others) - 1, max(0, min(count - len(first), len(others)))).round().astype(int)
    return [by_id[image_id] for image_id in dict.fromkeys(first)] + [others[place] for place in places]


def _predict_case(record: dict[str, Any], row: ScoreRow, predictor: Predictor) -> Case:
    prediction = predictor(record["image"])
    pixels = prediction.mammogram.pixels
    truth = read_mask(Path(record["label"]), shape=(pixels.shape[0], pixels.shape[1]))
    found = (prediction.probability >= predictor.threshold) & find_recorded_breast(prediction.mammogram)
    scores = {"dice": row["dice"], "iou": row["iou"]}
    return Case(record["image_id"], pixels, truth.astype(bool), found, scores, record["name"])
