"""A model that answers: its served version loaded once, found again when it changes, one prediction at a time."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.checkpoints.checkpoint import read_weights
from mammoseg.checkpoints.weights_file import WeightsError, list_named_weights
from mammoseg.dicom.algorithm import Algorithm
from mammoseg.errors import OutputError, WrongCallError
from mammoseg.inference.boxes import describe_boxes
from mammoseg.inference.engines.engine import EngineError
from mammoseg.inference.engines.torch_engine import TorchEngine
from mammoseg.inference.ensemble import MeanPredictor, describe_named_weights, load_predictor
from mammoseg.inference.lesions import find_masses
from mammoseg.inference.predictor import Predictor
from mammoseg.mammogram import MODALITIES, Mammogram
from mammoseg.transforms.functional.geometry import make_box
from monailabel_app.lib.models.discover import ModelEntry, ModelNotReadyError
from monailabel_app.lib.models.said_prompts import parse_box
from monailabel_app.lib.models.versions import Version, Versions

TORCH = "torch"
"""The engine that scores and trainings need."""

Loaded = tuple[Version, Predictor | MeanPredictor]
"""A version, and the predictor of its weights."""


@dataclass(frozen=True)
class Segmented:
    """What a model found in one mammogram.

    Attributes:
        probability: float32 ``(rows, columns)`` on the stored grid, 0 outside the breast and in padding.
        lesions: bool of the same shape each, largest first.
        algorithm: what found them, as its results name it.
        version: number of the weights.
        seconds: time for reading the file, and for preprocessing, network and the way back.
    """

    mammogram: Mammogram
    probability: np.ndarray
    lesions: list[np.ndarray]
    algorithm: Algorithm
    version: int
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def mask(self) -> np.ndarray:
        """bool ``(rows, columns)``, all lesions together."""
        return np.logical_or.reduce(self.lesions) if self.lesions else np.zeros(self.probability.shape, bool)


class ServedModel:
    """A bundle with whichever weights are served.

    Files are read by as many threads as ask; a network computes one image at a time, for it takes all cores then.

    Args:
        entry: entry of the bundle.
        versions: versions of its weights.
        device: torch device; None takes a GPU where there is one.
        modalities: DICOM modalities to let in.
        runtime: what computes the masks, see `mammoseg.inference.predictor.Predictor`.
        precision: numbers that it computes with; those of engine and weights when None.
        flips: mean with the image upside down; as the weights record it when None.
        min_area_mm2: least area of a mass where the image has an honest pixel spacing; that of the weights when None.

    Attributes:
        computing: held by whoever uses the network of a predictor.
    """

    def __init__(
        self,
        entry: ModelEntry,
        versions: Versions,
        *,
        device: str | None = None,
        modalities: tuple[str, ...] = MODALITIES,
        runtime: str = TORCH,
        precision: str | None = None,
        flips: bool | None = None,
        min_area_mm2: float | None = None,
    ) -> None:
        self.entry = entry
        self.versions = versions
        self.device = device
        self.modalities = modalities
        self.runtime = runtime
        self.precision = precision
        self.flips = flips
        self.min_area_mm2 = min_area_mm2
        self._loading = threading.Lock()
        self.computing = threading.Lock()
        self._loaded: dict[str, Loaded] = {}
        self._facts: dict[Version, dict[str, Any]] = {}
        self._needs_box: dict[Version, bool] = {}

    def load_predictor(self) -> Predictor | MeanPredictor:
        """The served version, loaded unless it is; requests at the same time load it once.

        Raises:
            ModelNotReadyError: there are no weights, or they cannot be used.
        """
        return self.load_served()[1]

    def load_served(self) -> Loaded:
        """The version that is served, and its predictor; see `load_predictor`."""
        return self._load_once(self.runtime)

    def load_torch_predictor(self) -> Predictor | MeanPredictor:
        """The served version as PyTorch computes it, for what looks inside the network; see `load_predictor`."""
        predictor = self.load_predictor()
        return predictor if isinstance(predictor.engine, TorchEngine) else self._load_once(TORCH)[1]

    def _load_once(self, runtime: str) -> Loaded:
        version = self.versions.read_current()
        loaded = self._loaded.get(runtime)
        if loaded is not None and loaded[0] == version:
            return loaded
        with self._loading:
            loaded = self._loaded.get(runtime)
            if loaded is None or loaded[0] != version:
                loaded = self._loaded[runtime] = self._load(version, runtime)
            return loaded

    def describe_weights(self, version: Version | None) -> dict[str, Any]:
        """What is known of a version's weights, see `describe_named_weights`; nothing without any that can be read.

        A version never changes, so its weights are read once.
        """
        if version is None:
            return {}
        if version not in self._facts:
            try:
                self._facts[version] = describe_named_weights(version.weights)
            except WeightsError:  # who asks for an inference is told
                return {}
        return self._facts[version]

    def needs_box(self) -> bool:
        """Whether the served version looks at patches, so that each image comes with a box around a mass."""
        version = self.versions.read_current()
        if version is None:
            return False
        if version not in self._needs_box:
            try:
                first, *_ = list_named_weights(version.weights)
                settings = read_weights(first).preprocessing
            except WeightsError:  # who asks for an inference is told
                return False
            self._needs_box[version] = settings.get("patch_area") is not None
        return self._needs_box[version]

    def check_whole_images(self, purpose: str) -> None:
        """Whether the served version can be used where nobody gives a box.

        Args:
            purpose: what is to be done, such as "scores".

        Raises:
            ModelNotReadyError: it looks at patches.
        """
        if self.needs_box():
            raise ModelNotReadyError(
                f"model '{self.entry.bundle}' looks into a box that a person gives, so there are no {purpose} of whole "
                "images; serve weights of whole images."
            )

    def segment(
        self, path: Path | str, threshold: float | None = None, *, roi: Sequence[float] | None = None
    ) -> Segmented:
        """Segment one file.

        Args:
            threshold: probability from which a pixel is mass, above 0 and below 1; the predictor's own when None.
            roi: box around a mass, where `needs_box`: from and to in columns, then in rows, as MONAI Label sends it.
        Raises:
            ModelNotReadyError: see `load_predictor`.
            InputRefusedError: the file cannot be used, the network gave what is no probability or no masses, or a box
                is needed (``E_NO_BOX``), or is none of the image (``E_BOX``).
            PromptError: `roi` is no box.
        """
        version, predictor = self.load_served()
        threshold = predictor.threshold if threshold is None else threshold
        begin = time.perf_counter()
        mammogram = predictor.read(path)
        read = time.perf_counter()
        sides = parse_box(roi or (), (mammogram.pixels.shape[0], mammogram.pixels.shape[1]))
        boxes = [make_box(*sides)] if sides else []
        with self.computing:
            start = time.perf_counter()
            prediction = predictor.predict(mammogram, boxes=boxes)
        end = time.perf_counter()
        least = predictor.algorithm.min_area_mm2 if self.min_area_mm2 is None else self.min_area_mm2
        said = describe_boxes(prediction.boxes) if prediction.boxes else None
        algorithm = replace(predictor.algorithm, threshold=threshold, min_area_mm2=least, boxes=said)
        found = find_masses(prediction.probability, mammogram, threshold=threshold, least_area_mm2=least)
        seconds = {
            "pre": read - begin,
            "wait": start - read,
            "infer": end - start,
            "post": time.perf_counter() - end,
        }
        return Segmented(mammogram, found.probability, found.lesions, algorithm, version.number, seconds)

    def _load(self, version: Version | None, runtime: str) -> Loaded:
        name = self.entry.bundle
        if version is None:
            raise ModelNotReadyError(f"model '{name}' has no weights yet; train it, or name some with --conf weights.")
        try:
            version.check()
            predictor = load_predictor(
                name,
                weights=version.weights,
                device=self.device,
                modalities=self.modalities,
                flips=self.flips,
                runtime=runtime,
                precision=self.precision if runtime == self.runtime else None,
                with_boxes=None,
            )
        except (
            WeightsError,
            WrongCallError,
            EngineError,
            OutputError,
        ) as error:  # its text names files of the server, which are none of a client's business
            reason = f"version {version.number} of model '{name}' cannot be loaded: {_without_path(error, version)}"
            raise ModelNotReadyError(reason) from error
        if version.sha256 not in (None, predictor.weights_sha256):
            raise ModelNotReadyError(f"version {version.number} of model '{name}' changed while it was loaded.")
        return version, predictor


def _without_path(error: Exception, version: Version) -> str:
    return str(error).replace(str(version.weights), "the file")


def choose_name(models: Mapping[str, ServedModel], name: str | None) -> str:
    """Name of the model that a request means: the one that it names, else the first that has weights.

    Args:
        models: those there are, by their names.
        name: the one asked for; None where none is.

    Raises:
        ModelNotReadyError: there is no such model, or none has weights.
    """
    name = name or next((known for known, model in models.items() if model.versions.read_current() is not None), None)
    if name is None:
        raise ModelNotReadyError("no model has weights yet; train one, or name weights with --conf weights.")
    if name not in models:
        raise ModelNotReadyError("there is no such model; /info/ lists them.")
    return name
