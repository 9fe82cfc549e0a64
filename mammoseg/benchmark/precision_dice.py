"""What a precision costs: Dice of the same weights in each, film by film, on images held out."""

import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from mammoseg.checkpoints.weights_file import Named, choose_default_weights
from mammoseg.data.datalist import DATALIST, load_section, read_datalist, read_voi
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.forward import judge_prediction
from mammoseg.evaluation.origin import describe_making
from mammoseg.evaluation.statistics import bootstrap_mean_interval
from mammoseg.evaluation.tables import without_nan
from mammoseg.files import hash_file
from mammoseg.inference.ensemble import MeanPredictor, load_predictor
from mammoseg.inference.predictor import Predictor
from mammoseg.metrics import compute_dice, count_pixels_and_masses
from mammoseg.metrics.froc import SHOWN_RULE, FoundLesions, compute_froc, find_lesions_by_marks
from mammoseg.provenance import read_current_commit

MOVED = 0.02
"""Difference in Dice above which one image counts as moved."""

FALSE_MARKS = (0.25, 0.5)
"""False marks an image at which the share of found masses is told."""


class Scored(NamedTuple):
    """One image in one precision, on its own grid.

    Attributes:
        seconds: processor time from pixels to the map of probability, without reading the file.
        dice: NaN for an image without a mass.
        counts: pixels and masses, as `mammoseg.metrics.counts.count_pixels_and_masses` names them.
        changed_px: pixels that are mass in this or in the first precision, but not in both.
        found: what the marks found, by `SHOWN_RULE`.
    """

    seconds: float
    dice: float
    counts: dict[str, int]
    changed_px: int
    found: FoundLesions


def benchmark_precision(
    dataset_dir: Path | str,
    *,
    bundle: str = "efficientnet_unet",
    weights: Named | None = None,
    section: str = "test",
    precisions: str | Sequence[str] = ("f32", "bf16"),
    runtime: str = "openvino",
    threads: int = 1,
    images: int | None = None,
) -> dict[str, Any]:
    """Compare masks in several precisions with the truth, and with those in the first, by turns for each image.

    Threshold, flips and preprocessing are those that the weights record; everything is told on the grid of the files.

    Args:
        dataset_dir: folder of a ``datalist.json``; its images must not have been trained on.
        bundle: bundle of the weights.
        weights: weights, several as their mean; those of the bundle when None.
        section: section of the datalist.
        precisions: words of `mammoseg.inference.engines.engine.PRECISIONS`; later ones are compared with the first.
        runtime: engine that computes.
        threads: threads of the engine.
        images: number of images, from the first; None takes all.
    Returns:
        JSON values: weights, data, machine, date and load before and after; of each precision mean Dice, masses with a
        predicted pixel, share of masses found at `FALSE_MARKS`, and the median of processor seconds an image without
        reading its file; of each later one the mean difference in Dice with its 95 % interval, drawn by patient, the
        images whose Dice moves by more than `MOVED`, the lowest and the highest move, and the pixels that change sides.
    Raises:
        WrongCallError: no image has a mass, or the engine does not compute in a precision.
        WeightsError: the weights cannot be used.
        InputRefusedError: an image or its mask cannot be used.
    """
    names = [precisions] if isinstance(precisions, str) else list(precisions)
    datalist, load = Path(dataset_dir) / DATALIST, os.getloadavg()[0]
    records = load_section(datalist, section)[:images]
    if not any(record["has_mass"] for record in records):
        raise WrongCallError(f"no {section} image of {datalist} has a mass; name another section with --section.")
    chosen = choose_default_weights(bundle) if weights is None else weights
    how: dict[str, Any] = {"runtime": runtime, "device": "cpu", "voi": read_voi(datalist)}
    predictors = {name: load_predictor(bundle, weights=chosen, precision=name, **how) for name in names}
    for predictor in predictors.values():
        predictor.limit_threads(threads)
        predictor(records[0]["image"])  # compiled with the first image, which does not count
    bar = tqdm(records, desc="precision", unit="image", disable=None)
    films = [_score_in_each(predictors, record, backwards=number % 2 > 0) for number, record in enumerate(bar)]
    scored = {name: [film[name] for film in films] for name in names}
    patients = [record["patient_id"] for record in records]
    computed_in = {name: {"computed_in": predictor.algorithm.precision} for name, predictor in predictors.items()}
    facts = vars(predictors[names[0]].algorithm)
    return without_nan(
        {"bundle": facts["name"]}
        | {name: facts[name] for name in ("weights_file", "weights_sha256", "threshold", "flips", "engine")}
        | {"threads": threads, "data": read_datalist(datalist)["name"], "datalist_sha256": hash_file(datalist)}
        | {"section": section, "images": len(records), "patients": len(set(patients))}
        | {**describe_making(), "commit": read_current_commit()}
        | {"load": [round(load, 1), round(os.getloadavg()[0], 1)]}
        | {"precisions": {name: computed_in[name] | _summarise(scored[name]) for name in names}}
        | {f"against_{names[0]}": {name: _compare(scored[name], scored[names[0]], patients) for name in names[1:]}}
    )


def _score_in_each(
    predictors: Mapping[str, Predictor | MeanPredictor], record: dict[str, Any], *, backwards: bool
) -> dict[str, Scored]:
    """One image in each precision, whose turns come in their order or from the last to the first."""
    first, *_ = predictors
    mammogram = predictors[first].read(record["image"])
    seconds, judged = {}, {}
    for name in list(predictors)[:: -1 if backwards else 1]:
        begin = process_time()
        prediction = predictors[name].predict(mammogram)
        seconds[name] = process_time() - begin
        judged[name] = judge_prediction(record, prediction)
    masks = {name: judged[name].probability >= predictor.threshold for name, predictor in predictors.items()}
    return {
        name: Scored(
            seconds[name],
            compute_dice(masks[name], image.truth),
            count_pixels_and_masses(masks[name], image.truth, lesions=image.lesions),
            np.count_nonzero(masks[name] != masks[first]),
            find_lesions_by_marks(image.probability, image.truth, lesions=image.lesions)[SHOWN_RULE],
        )
        for name, image in judged.items()
    }


def _summarise(scored: Sequence[Scored]) -> dict[str, Any]:
    curve = compute_froc([image.found for image in scored])
    masses, missed, predicted = (
        sum(image.counts[name] for image in scored) for name in ("masses", "missed_masses", "predicted_px")
    )
    return {
        "dice": round(float(np.nanmean([image.dice for image in scored])), 4),
        "masses": masses,
        "masses_with_a_predicted_pixel": masses - missed,
        "predicted_pixels": predicted,
        "found_at_false_marks": {str(rate): round(curve.find_sensitivity(rate), 3) for rate in FALSE_MARKS},
        "all_marks": {"found": round(max(curve.sensitivity), 3), "false_marks": round(curve.end, 3)},
        "processor_seconds_an_image": round(statistics.median(image.seconds for image in scored), 3),
    }


def _compare(scored: Sequence[Scored], first: Sequence[Scored], patients: Sequence[str | None]) -> dict[str, Any]:
    moves = np.array([one.dice - other.dice for one, other in zip(scored, first, strict=True)])
    return {
        "dice": round(float(np.nanmean(moves)), 4),
        "interval": [round(end, 4) for end in bootstrap_mean_interval(moves.tolist(), patients)],
        "images_moved": int(np.count_nonzero(np.abs(moves) > MOVED)),
        "lowest_move": round(float(np.nanmin(moves)), 4),
        "highest_move": round(float(np.nanmax(moves)), 4),
        "changed_pixels": sum(image.changed_px for image in scored),
    }
