"""Scores kept with each image, for the weights that made them: those of other weights are stale and made anew.

They stand where `models.scoring` puts its own, in the image's info under ``scores`` and the model's name:
``version``, ``weights_sha256``, each score by its name, ``features`` (float16, base64) and ``disagreement``; or
``refused`` with the code.
"""

import base64
from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from mammoseg.active_learning.scores import SCORES, ImageScores, Scorer, build_scorer, score_mammogram
from mammoseg.dicom.quiet import no_header_values_in_warnings
from mammoseg.errors import InputRefusedError
from monailabel_app.lib.models.scoring import KEY, store_scores
from monailabel_app.lib.models.serving import ServedModel, choose_name
from monailabel_app.lib.strategies.settings import StrategySettings


class StoredScores:
    """Reads scores from the data source and makes up for missing ones, a few a request.

    Args:
        models: models of the app, by their names.
    """

    def __init__(self, models: Mapping[str, ServedModel], settings: StrategySettings) -> None:
        self.models = models
        self.settings = settings

    def collect(
        self,
        datastore: Any,
        images: Sequence[str],
        *,
        wanted: Collection[str],
        also: Sequence[str] = (),
        model: str | None = None,
    ) -> dict[str, ImageScores]:
        """Scores of as many images as have them by the weights that are served now.

        Args:
            images: images whose scores are `wanted`, by name.
            also: images whose features count too, such as the labelled ones; empty where no features are needed.
            model: model that scores; see `StrategySettings.model` when None.
        Raises:
            ModelNotReadyError: there are no weights, no such model, or one that looks into boxes alone.
        """
        name = choose_name(self.models, model or self.settings.model)
        self.models[name].check_whole_images("scores")
        work = _Work(datastore, name, self.models[name], self.settings)
        found: dict[str, ImageScores] = {}
        missing: tuple[list[str], list[str]] = ([], [])
        needs = dict.fromkeys(also, (0, ())) | dict.fromkeys(images, (1, tuple(wanted)))
        for image, (is_candidate, needed) in needs.items():
            known = work.find_scores(image, needed)
            if isinstance(known, ImageScores):
                found[image] = known
            elif known is None:
                missing[is_candidate].append(image)
        scored = 0
        for image in _shuffle_in_turn(missing[1], missing[0], seed=self.settings.seed):
            if scored == self.settings.max_scored:
                break
            made = work.score(image, needs[image][1])
            if made is not None:
                found[image] = made
                scored += 1
        return found


class _Work:
    """One request's view of one version of one model."""

    def __init__(self, datastore: Any, name: str, model: ServedModel, settings: StrategySettings) -> None:
        version, self.predictor = model.load_served()
        self.datastore, self.name, self.model, self.settings = datastore, name, model, settings
        self.identity = {"version": version.number, "weights_sha256": self.predictor.weights_sha256}
        self._scorer: Scorer | None = None

    def find_scores(self, image: str, needed: Collection[str]) -> ImageScores | str | None:
        """Scores of an image that has all that is `needed`, the code of its refusal, or None."""
        record = self._read_record(image)
        if "refused" in record:
            return str(record["refused"])
        return _decode(record) if {"features", *needed} <= set(record) else None

    def score(self, image: str, needed: Collection[str]) -> ImageScores | None:
        """Score an image and store it; None where it is refused, which is stored too."""
        wanted = {*needed, *self._read_record(image)} & set(SCORES)
        try:
            with no_header_values_in_warnings():
                scores = self._compute_scores(Path(self.datastore.get_image_uri(image)), wanted)
        except InputRefusedError as error:
            self._store(image, {"refused": error.code})
            return None
        self._store(image, _encode(scores))
        return scores

    def _compute_scores(self, path: Path, wanted: Collection[str]) -> ImageScores:
        mammogram = self.predictor.read(path)
        with self.model.computing:
            if self._scorer is None:
                self._scorer = build_scorer(self.predictor, samples=self.settings.samples, seed=self.settings.seed)
            return score_mammogram(self._scorer, self.predictor, mammogram, wanted)

    def _read_record(self, image: str) -> dict[str, Any]:
        record = self.datastore.get_image_info(image).get(KEY, {}).get(self.name, {})
        return record if self.identity == {key: record.get(key) for key in self.identity} else {}

    def _store(self, image: str, scores: Mapping[str, Any]) -> None:
        store_scores(self.datastore, image, self.name, self.identity, scores)


def _encode(scores: ImageScores) -> dict[str, Any]:
    features = base64.b64encode(scores.features.astype(np.float16).tobytes()).decode()
    found = {"disagreement": scores.disagreement} if scores.disagreement else {}
    return {**scores.scores, **found, "features": features}


def _decode(record: Mapping[str, Any]) -> ImageScores:
    features = np.frombuffer(base64.b64decode(record["features"]), np.float16).astype(np.float32)
    scores = {name: record[name] for name in SCORES if name in record}
    return ImageScores(scores, features, record.get("disagreement"))


def _shuffle_in_turn(first: Sequence[str], second: Sequence[str], *, seed: int) -> list[str]:
    """Both lists shuffled, one of each in turn, beginning with the first: no part of the data waits for long."""
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(np.array(images, dtype=object)).tolist() for images in (first, second)]
    return [image for pair in zip_longest(*shuffled) for image in pair if image is not None]
