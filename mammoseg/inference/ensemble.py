"""The mean of several predictors: each sees an image in its own way, their probabilities meet on the file's grid."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.calibration import Calibration
from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.ensemble_file import EnsembleRecord, check_members, choose_for_mean, read_named_ensemble
from mammoseg.checkpoints.weights_file import Named, list_named_weights, name_apart
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.errors import WrongCallError
from mammoseg.inference.algorithm import describe_weights
from mammoseg.inference.predictor import Prediction, Predictor
from mammoseg.mammogram import Mammogram
from mammoseg.transforms.functional.geometry import Box

MOST_LETTERS = 64
"""Longest name of an algorithm in DICOM (LO, PS3.5 6.2)."""


class MeanPredictor:
    """Several predictors as one; used like a `Predictor`.

    What works on one network alone, as the scores of active learning do, takes that of the first member: `engine`,
    `flips` and `preprocessing` are its.

    Args:
        members: predictors of one or several bundles, at least one.
        record: what was chosen for their mean; see `choose_for_mean` for what holds without it.
    """

    def __init__(self, members: Sequence[Predictor], record: EnsembleRecord | None = None) -> None:
        self.members = members
        first = members[0]
        self.engine, self.flips, self.preprocessing = first.engine, first.flips, first.preprocessing
        self.modalities = first.modalities
        self.algorithm = build_mean_algorithm([member.algorithm for member in members], record)
        self.threshold = self.algorithm.threshold
        self.weights_sha256 = self.algorithm.weights_sha256

    def __call__(self, path: Path | str) -> Prediction:
        """Segment one file; see `Predictor`."""
        return self.predict(self.read(path))

    def read(self, path: Path | str) -> Mammogram:
        """Read a file with the grey values that the first member was trained on; see `Predictor.read`."""
        return self.members[0].read(path)

    def predict(self, mammogram: Mammogram, *, boxes: Sequence[Box] = ()) -> Prediction:
        """Mean over the members; those that want other grey values read the file again.

        Args:
            boxes: boxes around masses, for members that look at patches.

        Raises:
            InputRefusedError: see `Predictor.predict`; or the file cannot be read again.
        """
        total = np.zeros(mammogram.pixels.shape, np.float32)
        for member in self.members:
            reads_alike = member.preprocessing.voi == self.preprocessing.voi
            seen = mammogram if reads_alike else member.read(mammogram.path)
            prediction = member.predict(seen, boxes=boxes)
            total += prediction.probability
        return Prediction(total / len(self.members), mammogram, prediction.boxes)

    def limit_threads(self, count: int) -> None:
        """Compute with so many threads from here on."""
        for member in self.members:
            member.limit_threads(count)


def load_predictor(bundle: str, *, weights: Named, flips: bool | None = None, **how: Any) -> Predictor | MeanPredictor:
    """A predictor of what is named as weights: one file, or the mean of several.

    Args:
        bundle: bundle of the weights that do not name one of their own.
        weights: files and folders, see `list_named_weights`.
        flips: whether each looks twice; when None as an ``ensemble.json`` says, else as each records it.
        how: further arguments of `Predictor`, for each member.
    Raises:
        WeightsError: see `Predictor`; or an ``ensemble.json`` is of other files.
        WrongCallError: see `Predictor`; or some of several look at patches around masses, and some at whole images.
    """
    files, record = list_named_weights(weights), read_named_ensemble(weights)
    if len(files) == 1 and record is None:
        return Predictor(bundle, weights=files[0], flips=flips, **how)
    if flips is None and record is not None:
        flips = record.flips
    members = [Predictor(bundle, weights=file, flips=flips, prefers_recorded=True, **how) for file in files]
    if len({member.preprocessing.cuts_patches for member in members}) > 1:
        raise WrongCallError(
            "some of these weights look at patches and some at whole images; name weights of one kind."
        )
    if record is not None:
        check_members(record, {file.name: one.weights_sha256 for file, one in zip(files, members, strict=True)})
    return MeanPredictor(members, record)


def describe_named_weights(weights: Named) -> dict[str, Any]:
    """What must be said of weights, see `describe_weights`; of several, each fact of all members.

    Raises:
        WeightsError: they cannot be read.
    """
    return merge_facts([describe_weights(read_weights(file)) for file in list_named_weights(weights)])


def merge_facts(facts: Sequence[Mapping[str, str | None]]) -> dict[str, Any]:
    """The facts of `describe_weights` of several weights as one: hashes and files of all, the others each once."""

    def join(name: str, by: str) -> str | None:
        return _join_once([one[name] for one in facts], by)

    return {
        "weights_sha256": "+".join(str(one["weights_sha256"]) for one in facts),
        "weights_file": "+".join(name_apart([(str(one["weights_file"]), str(one["weights_sha256"])) for one in facts])),
        "trained_on": join("trained_on", "+"),
        "warning": join("warning", " "),
    }


def build_mean_algorithm(members: Sequence[Algorithm], record: EnsembleRecord | None) -> Algorithm:
    """The algorithm as the results of a mean name it; see `MeanPredictor`."""
    facts = merge_facts([vars(member) for member in members])
    chosen = choose_for_mean(
        record,
        thresholds=[member.threshold for member in members],
        areas=[member.min_area_mm2 for member in members],
        flips=[member.flips is not None for member in members],
    )
    calibration = chosen["calibration"]
    return Algorithm(
        _join_for_dicom([member.name for member in members]) or f"mean of {len(members)} networks",
        _join_for_dicom([member.version for member in members]) or "several",
        threshold=chosen["threshold"],
        flips=_say_flips(members),
        calibration=Calibration(**calibration) if calibration else None,
        min_area_mm2=chosen["min_area_mm2"],
        engine=_join_once([member.engine for member in members]),
        precision=_join_once([member.precision for member in members]),
        voi=_join_once([member.voi for member in members]),
        **facts,
    )


def _join_for_dicom(words: Sequence[str]) -> str | None:
    """Each word once; None where DICOM has no room for all."""
    text = "+".join(dict.fromkeys(words))
    return text if len(text) <= MOST_LETTERS else None


def _join_once(words: Sequence[str | None], by: str = ",") -> str | None:
    return by.join(dict.fromkeys(word for word in words if word)) or None


def _say_flips(members: Sequence[Algorithm]) -> str | None:
    twice = [member.flips for member in members if member.flips]
    return f"{twice[0]} of {len(twice)} of {len(members)}" if 0 < len(twice) < len(members) else next(iter(twice), None)
