"""What drew the lesions of an object: a model, or one that helped a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mammoseg.calibration import UNCALIBRATED, Calibration
from mammoseg.dicom.measure import find_bounding_window
from mammoseg.overlay import WARNING

ONLY_IN_BOXES = "Only in and around boxes that a person gave."
"""Stands in pictures of lesions beside which nobody and nothing has looked for more."""


@dataclass(frozen=True)
class Algorithm:
    """What drew the lesions, so that the object alone answers which model, which weights, which threshold.

    Attributes:
        name: name of the bundle.
        version: version of the bundle.
        weights_sha256: hash of the file of the weights.
        threshold: probability from which a pixel is mass.
        weights_file: name of that file, without the folder.
        trained_on: source of the data that the weights were trained on, such as ``cbis_ddsm``.
        warning: what must be said of these weights, see `mammoseg.provenance.find_warning`.
        flips: those of the image that the probability is the mean over, such as ``up-down``; None where there are none.
        calibration: makes the score of a lesion out of its highest probability; None where nobody has fitted one.
        min_area_mm2: least area of a lesion in the breast, where the image has an honest spacing; None where the size
            of the image alone decides.
        engine: name and version of what computed the network, such as ``openvino 2026.4.1``.
        precision: what it computed with, such as ``f32``.
        voi: grey-value function that a person gave in place of that of the file, see `mammoseg.dicom.own_voi`.
        boxes: where a person said that masses are, so that it looked nowhere else; None where it looked everywhere.
    """

    name: str
    version: str
    weights_sha256: str
    threshold: float
    weights_file: str | None = None
    trained_on: str | None = None
    warning: str | None = None
    flips: str | None = None
    calibration: Calibration | None = None
    min_area_mm2: float | None = None
    engine: str | None = None
    precision: str | None = None
    voi: str | None = None
    boxes: str | None = None

    def score(self, probability: np.ndarray, lesion: np.ndarray) -> float:
        """Score of a lesion, 0 to 1, which `score_meaning` names.

        Args:
            probability: probability of mass, ``(rows, columns)``, 0 to 1.
            lesion: bool of the same shape, with a pixel.
        """
        window = find_bounding_window(lesion)
        highest = float(probability[window][lesion[window]].max())
        return highest if self.calibration is None else float(self.calibration(highest))

    @property
    def score_kind(self) -> str:
        """What scores are, in a word or two."""
        return UNCALIBRATED if self.calibration is None else f"calibrated on {self.calibration.fitted_on}"

    @property
    def score_meaning(self) -> str:
        """What scores are, in a sentence."""
        if self.calibration is None:
            return "highest probability of the network in the mass, uncalibrated; no probability of cancer"
        data = self.calibration.fitted_on
        return f"estimated share of such marks that are masses, fitted on {data}; no probability of cancer"

    @property
    def caption(self) -> list[str]:
        """Lines that stand in every picture of its lesions: the purpose, the first sentence of the warning, boxes."""
        first = [f"{sentence.rstrip('.')}." for sentence in (self.warning or "").split(". ")[:1] if sentence]
        return [WARNING, *first, *([ONLY_IN_BOXES] if self.boxes else [])]

    @property
    def parameters(self) -> dict[str, str]:
        """Weights, threshold and what else decides, by the names that they have in every object.

        A SEG has all in one text with commas between them, so a name of data loses its own.
        """
        known = {
            "weights_sha256": self.weights_sha256,
            "weights_file": self.weights_file,
            "trained_on": self.trained_on,
            "threshold": f"{self.threshold:g}",
            "flips": self.flips,
            "calibration": None if self.calibration is None else str(self.calibration).replace(",", ";"),
            "min_area_mm2": None if self.min_area_mm2 is None else f"{self.min_area_mm2:g}",
            "engine": self.engine,
            "precision": self.precision,
            "voi": self.voi,
            "boxes": self.boxes,
        }
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True)
class Assistance:
    """What proposed an outline that a person took or corrected.

    Attributes:
        name: name of the model.
        version: version of that model.
        parameters: its weights and what else decides, by the names of `Algorithm.parameters`.
        is_learned: whether a network drew it; else grey values alone decide.
    """

    name: str
    version: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_learned: bool = True
