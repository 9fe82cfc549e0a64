"""What a predictor says of the images of a datalist, beside their truth, one image in memory at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from tqdm import tqdm

from mammoseg.data.masks import read_instances, read_mask
from mammoseg.inference.predictor import Prediction
from mammoseg.metrics.regions import Region, list_mass_regions
from mammoseg.transforms.functional.breast import find_recorded_breast


class Judged(NamedTuple):
    """One image on its own grid.

    Attributes:
        record: its record in the datalist.
        probability: float32 ``(rows, columns)``, 0 outside the breast, as every result has it.
        truth: bool of the same shape.
        lesions: the masses one by one; None where the datalist has no mask of each.
    """

    record: dict[str, Any]
    probability: np.ndarray
    truth: np.ndarray
    lesions: list[Region] | None


class PathPredictor(Protocol):
    """What is needed of a `Predictor` or a `MeanPredictor`."""

    def __call__(self, path: Path | str) -> Prediction:
        """Predict the mass probability of each pixel of one file."""


def judge_images(predictor: PathPredictor, records: Sequence[dict[str, Any]], *, doing: str) -> Iterator[Judged]:
    """Predict image after image, with a progress bar.

    Args:
        predictor: predictor of masses.
        records: records with absolute paths, see `mammoseg.data.datalist.load_section`.
        doing: word before the bar.
    Raises:
        InputRefusedError: an image or its mask cannot be used.
    """
    for record in tqdm(records, desc=doing, unit="image", disable=None):
        yield judge_prediction(record, predictor(record["image"]))


def judge_prediction(record: dict[str, Any], prediction: Prediction) -> Judged:
    """Put a prediction of the image of a record beside its truth.

    Raises:
        InputRefusedError: the mask cannot be used.
    """
    probability = prediction.probability * find_recorded_breast(prediction.mammogram)
    shape = (probability.shape[0], probability.shape[1])
    instances = read_instances(record, shape=shape)
    lesions = None if instances is None else list_mass_regions(instances)
    return Judged(record, probability, read_mask(record["label"], shape=shape) > 0, lesions)
