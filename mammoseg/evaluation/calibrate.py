"""Threshold and calibration of weights anew, on labelled images that they were not trained on; nothing is trained."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.calibration import UNCALIBRATED, Calibration
from mammoseg.checkpoints.weights_file import Named, choose_default_weights, list_named_weights
from mammoseg.counts import format_count
from mammoseg.data.datalist import DATALIST, load_section, read_datalist, read_voi
from mammoseg.errors import WrongCallError
from mammoseg.evaluation.forward import Judged, judge_images
from mammoseg.evaluation.origin import describe_data_origin
from mammoseg.evaluation.plots import plot_reliability
from mammoseg.files import as_printable, hash_file, made_output, sole_writer, write_json
from mammoseg.metrics.choose_threshold import THRESHOLDS, ChosenThreshold, choose_threshold, compute_dice_by_threshold
from mammoseg.metrics.fit_calibration import Fit, Marks, compute_calibration_error, fit_calibration
from mammoseg.metrics.froc import SHOWN_RULE, find_lesions_by_marks
from mammoseg.metrics.reliability import compute_reliability
from mammoseg.provenance import warn_of_doubt
from mammoseg.quick_import import quick_imports

FEWEST_PATIENTS = 10
"""Fewer patients with a mass say nothing of others."""

FEWEST_MARKS = 10
"""Fewest marks on masses, and fewest beside them, to which two numbers are fitted."""

SURE_MARKS = 100
"""Marks below which a warning is said: half of 100 is known to 0.1 either way."""

REPORT, PICTURE, LOCK = "calibration.json", "reliability.png", ".calibrate.lock"
"""Files in the output folder, beside the weights."""


@dataclass(frozen=True)
class Evidence:
    """What a forward pass gave.

    Attributes:
        dice: Dice of each image at each of `THRESHOLDS`, ``(images, thresholds)``.
        patients: number of the patient of each image, from 0, ``(images,)``.
        marks: all marks, whose patients are numbered alike.
        masses: number of masses.
    """

    dice: np.ndarray
    patients: np.ndarray
    marks: Marks
    masses: int


def calibrate(
    bundle: str,
    *,
    dataset_dir: str | Path,
    output: str | Path,
    weights: Named | None = None,
    section: str = "validation",
    flips: bool | None = None,
    device: str | None = None,
) -> None:
    """Write weights with another threshold and calibration, a report and a picture of how reliable scores are.

    Args:
        bundle: bundle of the weights.
        dataset_dir: folder of the ``datalist.json``; its images must not have been trained on.
        output: folder of the results, which `--weights` takes.
        weights: weights to calibrate, several as their mean; those of the bundle when None.
        section: section of the datalist.
        flips: mean with the image upside down, which the new weights then record; as these record it when None.
        device: torch device; None takes a GPU where there is one.
    Raises:
        WrongCallError: there are too few images, masses or marks to say anything.
        WeightsError: the weights cannot be used.
        InputRefusedError: an image or its mask cannot be used.
    """
    datalist = Path(dataset_dir) / DATALIST
    if not read_datalist(datalist).get(section, [section]):
        raise WrongCallError(f"{datalist} has no {section} image to calibrate on; name another section with --section.")
    records = load_section(datalist, section)
    _check_patients(records, f"section '{section}' of {datalist}")
    named = weights if weights is not None else choose_default_weights(bundle)
    folder = Path(output)
    with quick_imports():  # torch, which takes seconds that a wrong call need not wait
        from mammoseg.evaluation.calibrated_weights import list_origins, write_calibrated
        from mammoseg.inference.ensemble import load_predictor
    predictor = load_predictor(bundle, weights=named, flips=flips, device=device, voi=read_voi(datalist))
    with made_output(folder), sole_writer(folder, folder / LOCK):
        evidence = collect_evidence(judge_images(predictor, records, doing="calibrating"))
        _check_marks(evidence.marks)
        name = as_printable(str(read_datalist(datalist)["name"]))[:80]
        chosen = choose_threshold(evidence.dice, evidence.patients)
        fit = fit_calibration(evidence.marks, fitted_on=f"{name} ({section}: {len(evidence.marks.scores)} marks)")
        report = _build_report(evidence, chosen, fit, before=predictor.algorithm.calibration)
        about = {
            "data": name,
            "section": section,
            "datalist_sha256": hash_file(datalist),
            "date": f"{date.today():%Y-%m-%d}",
            "counts": report["counts"],
            "threshold_interval": list(chosen.interval),
            "error_before": round(report["expected_calibration_error"]["before"], 4),
            "error_cross_fitted": round(report["expected_calibration_error"]["after, cross-fitted by patient"], 4),
        }
        settings = {
            "threshold": chosen.threshold,
            "calibration": asdict(fit.calibration),
            "flips": predictor.algorithm.flips is not None,
            "min_area_mm2": predictor.algorithm.min_area_mm2,
        }
        written = write_calibrated(folder, list_named_weights(named), settings, about)
        write_json(folder / REPORT, {**report, "about": about, "weights": predictor.algorithm.weights_sha256})
        _plot(evidence.marks, fit, predictor.algorithm.calibration, folder / PICTURE)
    print(*_say_calibration(report), f"Weights: {written}", sep="\n")
    origin = describe_data_origin(datalist, section, list_origins(list_named_weights(named)))
    warn_of_doubt(origin)


def collect_evidence(images: Iterable[Judged]) -> Evidence:
    """Dice and marks of judged images, of which one at a time is kept."""
    numbers: dict[str, int] = {}
    patients, dice, marks, masses = [], [], [], 0
    for image in images:
        patient = numbers.setdefault(image.record["patient_id"], len(numbers))
        found = find_lesions_by_marks(image.probability, image.truth, lesions=image.lesions)[SHOWN_RULE]
        marks += [(score, True, patient) for score in found.true] + [(score, False, patient) for score in found.false]
        patients.append(patient)
        dice.append(compute_dice_by_threshold(image.probability, image.truth))
        masses += len(found.lesions)
    scores, right, owners = zip(*marks, strict=True) if marks else ((), (), ())
    of_all = Marks(np.array(scores, float), np.array(right, bool), np.array(owners, int))
    return Evidence(np.array(dice), np.array(patients), of_all, masses)


def _check_patients(records: Sequence[dict[str, Any]], where: str) -> None:
    patients = {record["patient_id"] for record in records if record["has_mass"]}
    if len(patients) < FEWEST_PATIENTS:
        raise WrongCallError(
            f"{where} has {format_count(len(patients), 'patient')} with a mass, at least {FEWEST_PATIENTS} are needed "
            "to say anything of others; name another section, or label more."
        )


def _check_marks(marks: Marks) -> None:
    on, beside = int(marks.right.sum()), int((~marks.right).sum())
    if min(on, beside) < FEWEST_MARKS:
        raise WrongCallError(
            f"the weights made {format_count(on, 'mark')} on masses and {beside} beside them, at least {FEWEST_MARKS} "
            "of each are needed to fit a calibration; label more images."
        )
    if on + beside < SURE_MARKS:
        print(f"WARNING: {on + beside} marks are few, below {SURE_MARKS}; read the intervals.", file=sys.stderr)


def _build_report(
    evidence: Evidence, chosen: ChosenThreshold, fit: Fit, *, before: Calibration | None
) -> dict[str, Any]:
    marks = evidence.marks
    scores_before = marks.scores if before is None else before(marks.scores)
    return {
        "counts": {
            "images": len(evidence.patients),
            "patients": int(evidence.patients.max()) + 1,
            "masses": evidence.masses,
            "marks": len(marks.scores),
            "marks_on_masses": int(marks.right.sum()),
        },
        "threshold": {
            "chosen": chosen.threshold,
            "interval": list(chosen.interval),
            "dice": dict(zip(map(str, THRESHOLDS), chosen.dice, strict=True)),
        },
        "calibration": {
            **asdict(fit.calibration),
            "scale_interval": list(fit.scale_interval),
            "offset_interval": list(fit.offset_interval),
        },
        "expected_calibration_error": {
            "before": compute_calibration_error(scores_before, marks.right),
            "before_was": UNCALIBRATED if before is None else str(before),
            "after, cross-fitted by patient": compute_calibration_error(fit.cross_fitted, marks.right),
        },
    }


def _plot(marks: Marks, fit: Fit, before: Calibration | None, png: Path) -> None:
    scores = {"before": marks.scores if before is None else before(marks.scores), "after": fit.cross_fitted}
    plot_reliability({name: compute_reliability(of.tolist(), marks.right.tolist()) for name, of in scores.items()}, png)


def _say_calibration(report: dict[str, Any]) -> list[str]:
    threshold, calibration, error = (
        report[name] for name in ("threshold", "calibration", "expected_calibration_error")
    )
    low, high = threshold["interval"]
    counts = report["counts"]
    return [
        f"{counts['images']} images of {counts['patients']} patients, {counts['masses']} masses, "
        f"{counts['marks']} marks, {counts['marks_on_masses']} of them on a mass.",
        f"Threshold {threshold['chosen']:g} (95 % interval {low:g} to {high:g}), Dice "
        f"{threshold['dice'][str(threshold['chosen'])]:.3f}, mean over images with a mass.",
        f"Calibration: scale {calibration['scale']:.3f} ({_format_interval(calibration['scale_interval'])}), "
        f"offset {calibration['offset']:.3f} ({_format_interval(calibration['offset_interval'])}).",
        f"Expected calibration error {error['before']:.3f} before ({error['before_was']}), "
        f"{error['after, cross-fitted by patient']:.3f} after, cross-fitted by patient.",
    ]


def _format_interval(ends: Sequence[float]) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}"
